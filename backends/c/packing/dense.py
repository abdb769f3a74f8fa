"""How weights lie in memory for dense kernels that several instruction sets share."""

from __future__ import annotations

from math import lcm

import numpy as np

from lissom.backends.c.packing.operand import Operand, chunked, quantized_head, wrapped
from lissom.ir.types import Array
from lissom.kernels.tiles import geometry, run_length


def plain(operand: Operand) -> Array:
    """As the graph holds it."""
    return np.ascontiguousarray(operand.array)


def transposed(operand: Operand) -> Array:
    """A matrix (K, N) with its columns in a row each."""
    return np.ascontiguousarray(np.swapaxes(operand.array, -1, -2))


def panels(operand: Operand, lanes: int, vectors: int, element: int, chunk: int = 4) -> Array:
    """Weights for ``lissom_conv_tile.h``, ``element`` bytes each: for every ``vectors`` vectors of output channels of
    a group, what comes first (for int8 biases as int32 and multipliers as float32, for floats biases), then for each
    group of four bytes of each run four bytes a lane. Runs are read in chunks of ``chunk`` bytes or, where they are
    shorter, whole."""
    c, quantized = geometry(operand.params), operand.array.itemsize == 1
    groups, outputs, length = c["groups"], c["out_channels"], run_length(operand.params, 1)
    each = 4 // element
    width = lanes * vectors
    count = -(-outputs // width)
    array = operand.array.astype(np.int16) if quantized and element == 2 else operand.array
    weights = array.reshape(groups, outputs, c["in_channels"], *c["kernel"])
    runs = np.moveaxis(weights, 2, -1).reshape(groups, outputs, -1, length)  # in the order of memory: tap, channel

    def by_panel(array: Array) -> Array:
        """(groups, outputs, ...) as (groups, count, width, ...), with zeros for outputs that are not there."""
        filled = np.zeros((groups, count * width, *array.shape[2:]), array.dtype)
        filled[:, :outputs] = array
        return filled.reshape(groups, count, width, *array.shape[2:])

    first = quantized_head(operand, runs) if quantized else [operand.beside["b"].reshape(groups, outputs)]
    chunks = chunked(runs, chunk // element, each)
    fours = chunks.reshape(*runs.shape[:3], -1, each)
    blocks = np.moveaxis(by_panel(fours), 2, 4)  # (groups, count, run, group, width, each)
    parts = [np.ascontiguousarray(a).view(np.uint8).reshape(groups, count, -1) for a in (*map(by_panel, first), blocks)]
    return np.concatenate(parts, axis=2).reshape(-1)


def mended(operand: Operand, lanes: int, vectors: int, offset: int) -> Array:
    """Weights for ``lissom_conv_q8_mended.h``: panels of a convolution of 1x1 whose channels are those of all taps, in
    whole eights; with ``offset`` weights are 128 more, and biases are those for activations that are 128 less."""
    c = geometry(operand.params)
    outputs = c["out_channels"]
    rows = np.moveaxis(operand.array.reshape(outputs, c["in_channels"], -1), 1, 2).reshape(outputs, -1)
    filled = np.zeros((outputs, -(-rows.shape[1] // 8) * 8, 1, 1), np.int8)
    filled[:, : rows.shape[1], 0, 0] = rows
    one = {"groups": 1, "in_channels": filled.shape[1], "kernel": (1, 1, 1), "dilation": (1, 1, 1)}
    params = {**operand.params, "conv": {**c, **one}}
    beside, x = dict(operand.beside), operand.params["x"]
    if offset:
        filled[:, : rows.shape[1], 0, 0] ^= np.int8(-128)
        # Panels take the zero point times what they hold from biases; the true weights are to be taken from 128 times.
        held, true = (a.astype(np.int64).reshape(outputs, -1).sum(1) for a in (filled, rows))
        beside["b"] = wrapped(beside["b"].astype(np.int64) + x["zero"] * held + (128 - x["zero"]) * true)
    return panels(Operand(filled, params, beside), lanes, vectors, 1)


def winograd(operand: Operand, lanes: int, vectors: int) -> Array:
    """Weights for ``lissom_winograd.h``: for every ``vectors`` vectors of output channels biases (for int8 as int32)
    and for int8 multipliers as float32, then for each input channel, for int8 each two, vector and tap the weights,
    lane by lane."""
    c, width, quantized = geometry(operand.params), lanes * vectors, operand.array.itemsize == 1
    outputs, inputs, each = c["out_channels"], c["in_channels"], 2 if quantized else 1
    panels = -(-outputs // width)
    filled = np.zeros((panels * width, inputs + inputs % each, 9), operand.array.dtype)
    filled[:outputs, :inputs] = operand.array.reshape(outputs, inputs, 9)
    groups = filled.reshape(panels, vectors, lanes, -1, each, 9).transpose(0, 3, 1, 5, 2, 4)
    first = quantized_head(operand, operand.array.reshape(1, outputs, 1, -1)) if quantized else [operand.beside["b"]]
    head = np.zeros((len(first), panels * width), np.int32)
    for row, values in zip(head, first, strict=True):
        row[:outputs] = values.reshape(-1).view(np.int32)
    heads = head.reshape(-1, panels, width).swapaxes(0, 1)
    parts = [np.ascontiguousarray(a).view(np.uint8).reshape(panels, -1) for a in (heads, groups)]
    return np.concatenate(parts, axis=1).reshape(-1)


def blocks(operand: Operand, vectors: int, channels: int, piece: int) -> Array:
    """Weights for ``kernels/aarch64/lissom_conv_q8_tile.h``, vectors of 16 bytes for ``channels`` output channels: for
    every ``vectors`` times four output channels of a group biases as int32 and multipliers as float32, then for each
    run, with zeros behind it, and each 16 / ``channels`` bytes of it vectors for all of them; in a vector, ``piece``
    bytes of the run of each channel, then the next ``piece`` bytes of each."""
    c, length, depth = geometry(operand.params), run_length(operand.params, 1), 16 // channels
    groups, outputs, width = c["groups"], c["out_channels"], 4 * vectors
    weights = operand.array.reshape(groups, outputs, c["in_channels"], -1)
    runs = weights.swapaxes(2, 3).reshape(groups, outputs, -1, length)  # in the order of memory: tap, channel
    count = -(-outputs // width)
    filled = np.zeros((groups, count * width, runs.shape[2], -(-length // depth) * depth), np.int8)
    filled[:, :outputs, :, :length] = runs
    panels = filled.reshape(groups, count, width // channels, channels, runs.shape[2], -1, depth // piece, piece)
    head = np.zeros((2, groups, count * width), np.int32)
    bias, factors = quantized_head(operand, runs)
    head[0, :, :outputs], head[1, :, :outputs] = bias, factors.view(np.int32)
    heads = head.reshape(2, groups, count, width).transpose(1, 2, 0, 3)
    parts = [heads, panels.transpose(0, 1, 4, 5, 2, 6, 3, 7)]
    raw = [np.ascontiguousarray(a).view(np.uint8).reshape(groups, count, -1) for a in parts]
    return np.concatenate(raw, axis=2).reshape(-1)


def depthwise(operand: Operand, lanes: int, element: int, flat: int = 0) -> Array:
    """Weights for ``lissom_depthwise_q8.h``, of 1 or 2 bytes each, or ``lissom_depthwise_f32.h``, of 4: for each block
    of channels the biases, for int8 the multipliers, and for each column of the kernel its rows. For floats a block is
    ``lanes`` channels; for int8 four times as many, in the order that zipping their bytes leaves them in. With ``flat``
    channels are repeated until blocks are full (``lissom_depthwise_q8_flat.h``)."""
    c = geometry(operand.params)
    _, height, width = c["kernel"]
    weights = operand.array.reshape(c["groups"], height, width)
    if element == 4:
        block, order = lanes, np.arange(lanes)
        head, taps = [operand.beside["b"].reshape(-1, 1)], weights.transpose(0, 2, 1).reshape(c["groups"], -1, 1)
    else:
        block = 4 * lanes
        order = np.arange(block).reshape(-1, 4, 4).transpose(1, 0, 2).reshape(-1)
        head = quantized_head(operand, weights.reshape(c["groups"], 1, -1, 1))
        rows = np.zeros((c["groups"], -(-height // 4) * 4, width), np.int8 if element == 1 else np.int16)
        rows[:, :height] = weights
        taps = rows.transpose(0, 2, 1).reshape(c["groups"], -1, 4)
        if element == 2:  # even rows, then odd ones, in words
            taps = taps.reshape(c["groups"], -1, 2, 2).swapaxes(2, 3)

    def by_block(array: Array) -> Array:
        """(channels, ...) as (blocks, block, ...) in the order of lanes, with zeros for channels that are not there."""
        if flat:
            array = np.concatenate([array] * (lcm(len(array), block) // len(array)))
        filled = np.zeros((-(-len(array) // block) * block, *array.shape[1:]), array.dtype)
        filled[: len(array)] = array
        return filled.reshape(-1, block, *array.shape[1:])[:, order]

    blocks = by_block(taps)
    if element == 4:
        blocks = blocks.transpose(0, 2, 1, 3)  # (blocks, tap, lane, 1)
    else:  # (blocks, vector, lane, four taps, ...) with the taps before the vectors
        blocks = blocks.reshape(len(blocks), 4, lanes, *blocks.shape[2:])
        blocks = np.moveaxis(blocks, 3, 1) if element == 1 else blocks.transpose(0, 3, 1, 4, 2, 5)
    parts = [np.ascontiguousarray(a).view(np.uint8).reshape(len(blocks), -1) for a in (*map(by_block, head), blocks)]
    return np.concatenate(parts, axis=1).reshape(-1)


def taps(operand: Operand, rows: int) -> Array:
    """Weights for ``kernels/aarch64/lissom_depthwise_q8.h``: for each 16 channels biases and multipliers, and for each
    column of the kernel and each ``rows`` of its rows so many bytes a channel. Behind the last channel come the first
    ones again."""
    c = geometry(operand.params)
    _, height, width = c["kernel"]
    weights = operand.array.reshape(c["groups"], height, width)
    filled = np.zeros((c["groups"], -(-height // rows) * rows, width), np.int8)
    filled[:, :height] = weights
    lanes = np.arange(-(-c["groups"] // 16) * 16) % c["groups"]
    head = quantized_head(operand, weights.reshape(c["groups"], 1, -1, 1))
    tapped = filled.transpose(0, 2, 1).reshape(c["groups"], -1, rows)[lanes].reshape(len(lanes) // 16, 16, -1, rows)
    parts = [*(a.reshape(-1)[lanes].reshape(-1, 16) for a in head), tapped.swapaxes(1, 2)]
    return np.concatenate([np.ascontiguousarray(a).view(np.uint8).reshape(len(tapped), -1) for a in parts], 1).reshape(
        -1
    )
