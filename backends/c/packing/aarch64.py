"""How constant operands lie in memory for kernels of AArch64 that share no layout with others."""

from __future__ import annotations

import numpy as np

from lissom.backends.c.packing.operand import Operand, fours_of, quantized_head
from lissom.ir.types import Array
from lissom.kernels.sparse import WINDOW, row_vectors


def windows(operand: Operand, piece: int) -> Array:
    """Weights for ``kernels/aarch64/lissom_sparse_row.h``: for each group of output channels the number of steps, where
    the window of each begins, biases, for int8 multipliers, and for each step and 16 channels which bytes of the window
    each picks, and its weights: ``piece`` bytes of the four of each, then the next ones."""
    w = operand.array.reshape(*operand.array.shape[:2], 1)
    if w.itemsize == 4:
        heads = [operand.beside["b"].astype(np.float32)]
    else:
        w = fours_of(w)
        heads = [a[0] for a in quantized_head(operand, w[None])]
    outputs, across = len(w), row_vectors(operand.params) * 4
    filled = np.zeros((-(-outputs // across) * across, max(w.shape[1], WINDOW), w.shape[2]), w.dtype)
    filled[:outputs, : w.shape[1]] = w
    head = np.zeros((len(heads), len(filled)), np.int32)
    for row, values in zip(head, heads, strict=True):
        row[:outputs] = values.view(np.int32)
    stream: list[Array] = []
    for o in range(0, outputs, across):
        begins, picked = _way(np.any(filled[o : o + across], axis=2))
        count, none = len(begins), picked < 0
        which = 4 * (picked - begins[:, None])[..., None] + np.arange(4)
        which[none] = 255  # is read as zeros
        weights = filled[np.arange(o, o + across), picked]
        weights[none] = 0
        entries = np.stack([which.astype(np.uint8), weights.view(np.uint8).reshape(count, across, 4)])
        vectors = entries.reshape(2, count, across // 16, 4, 4, 4 // piece, piece).swapaxes(4, 5)
        table = np.zeros(-(-count // 8) * 8, np.uint16)
        table[:count] = 4 * begins
        stream += [np.array([count, 0, 0, 0], np.int32), table, head[:, o : o + across], np.moveaxis(vectors, 0, 2)]
    return np.concatenate([np.ascontiguousarray(a).view(np.uint8).reshape(-1) for a in stream])


def _way(alive: Array) -> tuple[Array, Array]:
    """Through entries (channels, entries) by windows in each of which a channel picks one at most: where windows begin,
    and which entries (windows, channels) are picked, -1 for none."""
    channels, count = alive.shape
    order = np.sort(np.where(alive, np.arange(count), count), axis=1)
    order = np.concatenate([order, np.full((channels, 1), count)], axis=1)
    at, begins, picked = np.zeros(channels, int), [], []
    while (nearest := (here := order[np.arange(channels), at]).min()) < count:
        begins.append(min(int(nearest), count - WINDOW))
        taken = here < begins[-1] + WINDOW
        picked.append(np.where(taken, here, -1))
        at += taken
    return np.array(begins, int), np.array(picked, int).reshape(-1, channels)
