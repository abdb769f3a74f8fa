"""How weights lie in memory for the kernels of cortex-m55: in the order in which they meet patches of activations."""

from __future__ import annotations

import numpy as np

from lissom.backends.c.packing.operand import Operand, quantized_head
from lissom.ir.types import Array
from lissom.kernels import helium_sparse
from lissom.kernels.tiles import geometry


def fours(operand: Operand, together: int) -> Array:
    """Weights for ``lissom_conv_q8_m55.h``: for every ``together`` output channels of a group biases as int32 and
    multipliers as float32, then for each 16 bytes of a patch (kernel column, row, channel) those of each, and last what
    is left of the patch of each."""
    c = geometry(operand.params)
    groups, outputs = c["groups"], c["out_channels"]
    depth, height, width = c["kernel"]
    weights = operand.array.reshape(groups, outputs, c["in_channels"], depth * height, width)
    patches = weights.transpose(0, 1, 4, 3, 2).reshape(groups, outputs, -1)
    blocks, length = -(-outputs // together), patches.shape[2]

    def by_block(array: Array) -> Array:
        """(groups, outputs, ...) as (blocks of all groups, together, ...), zeros for outputs that are not there."""
        filled = np.zeros((groups, blocks * together, *array.shape[2:]), array.dtype)
        filled[:, :outputs] = array
        return filled.reshape(groups * blocks, together, *array.shape[2:])

    head = [by_block(a) for a in quantized_head(operand, patches[..., None])]
    w, whole = by_block(patches), length // 16 * 16
    vectors = w[..., :whole].reshape(len(w), together, -1, 16).swapaxes(1, 2)
    parts = [np.ascontiguousarray(a).view(np.uint8).reshape(len(w), -1) for a in (*head, vectors, w[..., whole:])]
    return np.concatenate(parts, axis=1).reshape(-1)


def eights(operand: Operand) -> Array:
    """Floats for ``lissom_conv_f32_m55.h``: for every eight output channels of a group biases, then for each weight of
    a patch (kernel column, row, channel) those of all eight."""
    c = geometry(operand.params)
    count, outputs = c["groups"], c["out_channels"]
    depth, height, width = c["kernel"]
    weights = operand.array.reshape(count, outputs, c["in_channels"], depth * height, width)
    patches = weights.transpose(0, 1, 4, 3, 2).reshape(count, outputs, -1)
    filled = np.zeros((count, -(-outputs // 8) * 8, 1 + patches.shape[2]), np.float32)
    filled[:, :outputs, 0], filled[:, :outputs, 1:] = operand.beside["b"].reshape(count, outputs), patches
    return np.ascontiguousarray(filled.reshape(-1, 8, filled.shape[2]).swapaxes(1, 2)).reshape(-1)


def channels(operand: Operand) -> Array:
    """Weights for ``lissom_depthwise_q8_m55.h``: biases of all channels, multipliers, and weights column by column."""
    w = operand.array.reshape(operand.array.shape[0], *geometry(operand.params)["kernel"][1:])
    bias, factors = quantized_head(operand, w.reshape(len(w), 1, -1, 1))
    return np.concatenate(
        [np.ascontiguousarray(a).view(np.uint8).reshape(-1) for a in (bias, factors, w.swapaxes(1, 2))]
    )


def _patches(operand: Operand) -> Array:
    """Weights of one group by output channel, in the order kernel column, row, channel."""
    c = geometry(operand.params)
    depth, height, width = c["kernel"]
    w: Array = operand.array.reshape(c["out_channels"], c["in_channels"], depth * height, width)
    patches: Array = w.transpose(0, 3, 2, 1).reshape(len(w), -1)
    return patches


def _groups_of(operand: Operand, stride: int) -> tuple[list[Array], Array, Array]:
    """Heads, and of patches (kernel column, row, channel) the blocks of four that are not zero, four at a time: where
    they are, ``stride`` bytes for each block, (outputs, groups, 4), and weights (outputs, groups, 4, 4)."""
    patches = _patches(operand)
    blocks = np.zeros((len(patches), -(-patches.shape[1] // 16) * 4, 4), np.int8)
    blocks.reshape(len(patches), -1)[:, : patches.shape[1]] = patches
    alive = blocks.any(2)
    first = np.argsort(~alive, axis=1, kind="stable")  # those that are not zero, in order, in front
    picked = np.take_along_axis(blocks, first[:, :, None], 1)
    where = np.where(np.take_along_axis(alive, first, 1), first * stride, 0).astype(np.uint16)
    head = quantized_head(operand, patches[None, ..., None])
    return head, where.reshape(len(where), -1, 4), picked.reshape(len(where), -1, 4, 4)


def groups(operand: Operand) -> Array:
    """Weights for ``lissom_sparse_conv_q8_m55.h``: how many output channels have one group of four blocks, then those;
    the same of two, and of more, which say first how many more than one. A channel is its groups (where eight patches
    have the blocks, and their weights), bias, multiplier, and its number."""
    (bias, factors), where, weights = _groups_of(operand, 32)
    counts = np.maximum(1, weights.any((2, 3)).sum(1))
    stream: list[Array] = []
    for kind in (1, 2, 3):
        (of,) = np.nonzero(np.minimum(counts, 3) == kind)
        stream.append(np.array([len(of)], np.int32))
        for o in of:
            n = counts[o]
            stream += [np.array([n - 1], np.int32)] if kind == 3 else []
            stream += [part for group in zip(where[o, :n], weights[o, :n], strict=True) for part in group]
            stream += [bias[0, o], factors[0, o], np.array([o], np.int32)]
    return np.concatenate([np.ascontiguousarray(a).reshape(-1).view(np.uint8) for a in stream])


def float_stream(operand: Operand) -> Array:
    """Floats for ``lissom_sparse_f32_m55.h``: for each output channel how many weights are not zero and its bias, and
    for each of them where it is laid out and what it is."""
    step = 16 * helium_sparse.vectors(operand.params)
    stream: list[Array] = []
    for bias, row in zip(operand.beside["b"].astype(np.float32), _patches(operand), strict=True):
        (at,) = np.nonzero(row)
        pairs = np.empty((1 + len(at), 2), np.int32)
        pairs[:, 0] = len(at), *(at * step)
        pairs[:, 1] = np.concatenate([[bias], row[at]]).astype(np.float32).view(np.int32)
        stream.append(pairs.reshape(-1))
    return np.concatenate(stream).view(np.uint8)


def float_turns(operand: Operand) -> Array:
    """Floats for ``lissom_sparse_row_f32_m55.h``: for each four output channels half of how many turns they take,
    biases, and for each turn where in a row their weights are, and what they are."""
    rows = _patches(operand)
    filled = np.zeros((-(-len(rows) // 4) * 4, rows.shape[1] + rows.shape[1] % 2), np.float32)
    filled[: len(rows), : rows.shape[1]] = rows
    bias = np.zeros(len(filled), np.float32)
    bias[: len(rows)] = operand.beside["b"]
    stream: list[Array] = []
    for w, b in zip(filled.reshape(-1, 4, filled.shape[1]), bias.reshape(-1, 4), strict=True):
        turns = -(-int(np.count_nonzero(w, 1).max()) // 2) * 2
        first = np.argsort(w == 0, axis=1, kind="stable")[:, :turns]  # those that are not zero, in order, in front
        picked = np.take_along_axis(w, first, 1)
        where = np.where(picked != 0, first, 0).astype(np.uint16)
        stream += [np.array([turns // 2], np.int32), b]
        stream += [part for i in range(turns) for part in (where[:, i], picked[:, i])]
    return np.concatenate([np.ascontiguousarray(a).reshape(-1).view(np.uint8) for a in stream])


def turns(operand: Operand) -> Array:
    """Weights for ``lissom_sparse_row_q8_m55.h``: for each eight output channels, those of most blocks first, how many
    turns they take, biases, multipliers, for each turn and channel where in a row four blocks are, and their weights,
    and last the numbers of the channels as uint16."""
    (bias, factors), where, weights = _groups_of(operand, 4)
    counts = np.maximum(1, weights.any((2, 3)).sum(1))
    order = np.argsort(-counts, kind="stable")
    stream: list[Array] = []
    for first in range(0, len(order), 8):
        eight = np.resize(order[first : first + 8], 8)  # where there are fewer, some again, whose results are dropped
        n = counts[eight].max()
        stream += [np.array([n], np.int32), bias[0, eight], factors[0, eight]]
        stream += [part for turn in range(n) for o in eight for part in (where[o, turn], weights[o, turn])]
        stream.append(eight.astype(np.uint16))
    return np.concatenate([np.ascontiguousarray(a).reshape(-1).view(np.uint8) for a in stream])
