"""How weights lie in memory for the kernels of cortex-m4: in the order in which they meet columns of activations."""

from __future__ import annotations

import numpy as np

from lissom.backends.c.packing.operand import Operand, chunked, quantized_head, wrapped
from lissom.ir.types import Array
from lissom.kernels.cortex_m import columns_words
from lissom.kernels.tiles import geometry, run_length


def columns(operand: Operand, together: int, mixed: int) -> Array:
    """Weights for ``lissom_conv_q8_columns.h``: for every ``together`` output channels of a group biases as int32 and
    multipliers as float32, then for each four values of a run four bytes a channel. With ``mixed``, sums are 256 times
    too large, and two weights v and w are one half 256 v + w."""
    c = geometry(operand.params)
    groups, outputs = c["groups"], c["out_channels"]
    bias, factors, fours = _fours_of_runs(operand)
    if mixed:
        bias, factors, fours = _mixed(bias, factors, fours)

    def by_block(array: Array) -> Array:
        """(groups, outputs, ...) as (blocks, together, ...), with zeros for outputs that are not there."""
        filled = np.zeros((groups, -(-outputs // together) * together, *array.shape[2:]), array.dtype)
        filled[:, :outputs] = array
        return filled.reshape(-1, together, *array.shape[2:])

    blocks = [by_block(bias), by_block(factors), by_block(fours).swapaxes(1, 2)]
    parts = [np.ascontiguousarray(a).view(np.uint8).reshape(len(a), -1) for a in blocks]
    return np.concatenate(parts, axis=1).reshape(-1)


def pairs(operand: Operand, step: int) -> Array:
    """Weights for ``lissom_sparse_q8_m4.h``: for each output channel how many pairs of words that are not zero it has,
    its bias and multiplier, and of each pair where both are in a column, ``step`` bytes a word, and their weights."""
    bias, factors, fours = _mixed(*_fours_of_runs(operand))
    stream: list[Array] = []
    for b, factor, words in zip(bias[0], factors[0], fours[0].view(np.int32)[..., 0], strict=True):
        (at,) = np.nonzero(words)
        held = np.zeros((-(-len(at) // 2), 2, 2), np.int32)  # pair, word, (where, weights)
        held.reshape(-1, 2)[: len(at)] = np.stack([at * step, words[at]], 1)
        where = held[:, :1, 0] | held[:, 1:, 0] << 16
        head = [np.array([len(held), b], np.int32), np.array([factor], np.float32).view(np.int32)]
        stream += [*head, np.concatenate([where, held[..., 1]], 1).reshape(-1)]
    return np.concatenate(stream).astype(np.int32).view(np.uint8)


def _fours_of_runs(operand: Operand) -> tuple[Array, Array, Array]:
    """Of each group and output the bias, the multiplier and the weights as columns have them: (words, 4)."""
    c, length = geometry(operand.params), run_length(operand.params, 1)
    weights = operand.array.reshape(c["groups"], c["out_channels"], c["in_channels"], *c["kernel"])
    runs = np.moveaxis(weights, 2, -1).reshape(c["groups"], c["out_channels"], -1, length)
    chunks = chunked(runs, 4, 4).reshape(c["groups"], c["out_channels"], -1, 4)
    fours = np.zeros((*chunks.shape[:2], columns_words(operand.params), 4), np.int8)
    fours[:, :, : chunks.shape[2]] = chunks
    bias, factors = quantized_head(operand, runs)
    return bias, factors, fours


def _mixed(bias: Array, factors: Array, fours: Array) -> tuple[Array, Array, Array]:
    """Biases, multipliers and weights for sums that are 256 times too large: of weights v and w a half 256 v + w."""
    even, odd = fours[..., 0::2].astype(np.int16), fours[..., 1::2].astype(np.int16)
    idle = ~fours.any((2, 3))  # the sum is the bias, which may be far from 0; what it comes to never is
    result = np.clip(np.rint(bias.astype(np.float32) * factors), -1000, 1000).astype(np.int32)
    bias, factors = np.where(idle, result, bias), np.where(idle, np.float32(1), factors)
    sums = wrapped(256 * bias.astype(np.int64) - 127 * odd.astype(np.int64).sum((2, 3)))
    return sums, factors / np.float32(256), (256 * even + odd).view(np.int8)


def strips(operand: Operand) -> Array:
    """Weights for ``lissom_depthwise_q8_m4.h``: for each channel its bias as int32, multiplier and weights, in bytes
    that make whole words."""
    w = operand.array.reshape(geometry(operand.params)["groups"], -1)
    bias, factors = (a.reshape(-1, 1) for a in quantized_head(operand, w[:, None, :, None]))
    parts = [
        bias.view(np.uint8),
        factors.view(np.uint8),
        w.view(np.uint8),
        np.zeros((len(w), -w.shape[1] % 4), np.uint8),
    ]
    return np.concatenate(parts, axis=1).reshape(-1)


def _columns_of(operand: Operand, together: int) -> tuple[Array, Array]:
    """Of each group and output the bias, and the floats as columns have them: in order of tap and channel, and zeros
    behind them that make whole groups of ``together``."""
    c = geometry(operand.params)
    shape = (c["groups"], c["out_channels"])
    rows = np.moveaxis(operand.array.reshape(*shape, c["in_channels"], -1), 2, -1).reshape(*shape, -1)
    filled = np.zeros((*shape, -(-rows.shape[-1] // together) * together), np.float32)
    filled[..., : rows.shape[-1]] = rows
    return operand.beside["b"].astype(np.float32).reshape(shape), filled


def float_columns(operand: Operand, abreast: int, together: int) -> Array:
    """Floats for ``lissom_conv_f32_columns.h``: for every ``abreast`` output channels of a group biases, then for each
    value of a column, of which there are whole groups of ``together``, their weights."""
    bias, rows = _columns_of(operand, together)
    groups, outputs, length = rows.shape
    filled = np.zeros((groups, -(-outputs // abreast) * abreast, 1 + length), np.float32)
    filled[:, :outputs, 0], filled[:, :outputs, 1:] = bias, rows
    return np.ascontiguousarray(filled.reshape(-1, abreast, 1 + length).swapaxes(1, 2)).reshape(-1)


def float_groups(operand: Operand, step: int, together: int, width: int) -> Array:
    """Floats for ``lissom_sparse_f32_m4.h``: of each output channel how many groups of ``together`` weights it has,
    its bias, and for each group where in a column they are, in ``width`` bytes each, and what they are; in a column
    values are ``step`` bytes apart."""
    bias, rows = _columns_of(operand, 1)
    stream: list[Array] = []
    for b, row in zip(bias[0], rows[0], strict=True):
        (at,) = np.nonzero(row)
        where = np.zeros(-(-len(at) // together) * together, f"<u{width}")
        weights = np.zeros(len(where), np.float32)
        where[: len(at)], weights[: len(at)] = at * step, row[at]
        groups = [a.reshape(-1, together).view(np.int32) for a in (where, weights)]
        head = [np.array([len(groups[0])], np.int32), b.reshape(1).view(np.int32)]
        stream += [*head, np.concatenate(groups, 1).reshape(-1)]
    return np.concatenate(stream).view(np.uint8)


def float_taps(operand: Operand) -> Array:
    """Floats for ``lissom_depthwise_f32_m4.h``: for each eight channels biases, and for each tap their weights; the
    last eight are whole, with some of those before them again."""
    w = operand.array.reshape(operand.array.shape[0], -1)
    taps = np.concatenate([operand.beside["b"].astype(np.float32).reshape(-1, 1), w], 1)
    starts = [*range(0, len(w) - 7, 8), *([len(w) - 8] if len(w) % 8 else [])]
    return np.stack([taps[s : s + 8].T for s in starts]).reshape(-1)
