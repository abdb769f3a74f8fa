"""How weights without their zeros lie in memory."""

from __future__ import annotations

import numpy as np

from lissom.backends.c.packing.operand import Operand, fours_of, quantized_head
from lissom.ir.types import Array


def sparse(operand: Operand, block: int, element: int = 1) -> Array:
    """Weights for ``lissom_sparse.h``: for each output channel its bias, multiplier and the end of its entries; where
    the entries are; and their weights. Entries are single weights, or blocks of four channels of a tap, which are
    counted tap by tap; with blocks, biases hold what the zero point of x adds. Weights have ``element`` bytes."""
    w = operand.array.reshape(operand.array.shape[0], operand.array.shape[1], -1)
    bias, factors = quantized_head(operand, w[None] if block > 1 else np.zeros((1, len(w), 1, 1), np.int8))
    entries = w.reshape(len(w), -1, 1) if block == 1 else fours_of(w)
    alive = entries.any(2)
    head = np.zeros((len(w), 3), np.int32)
    head[:, 0], head[:, 1], head[:, 2] = bias[0], factors[0].view(np.int32), np.cumsum(alive.sum(1))
    index = np.nonzero(alive)[1].astype(np.uint16)
    stored = in_pairs(entries[alive]) if element == 2 else entries[alive]
    return np.concatenate([np.ascontiguousarray(a).view(np.uint8).reshape(-1) for a in (head, index, stored)])


def sparse_floats(operand: Operand, tap_by_tap: int) -> Array:
    """Weights for ``lissom_sparse.h`` in floats: for each output channel its bias and the end of its entries; where the
    entries are, counted channel by channel or ``tap_by_tap``; and what they weigh."""
    w = operand.array.reshape(operand.array.shape[0], operand.array.shape[1], -1)
    rows = (w.swapaxes(1, 2) if tap_by_tap else w).reshape(len(w), -1)
    head = np.zeros((len(w), 2), np.int32)
    head[:, 0] = operand.beside["b"].astype(np.float32).view(np.int32)
    head[:, 1] = np.cumsum(np.count_nonzero(rows, 1))
    index = np.nonzero(rows)[1].astype(np.uint16)
    return np.concatenate([np.ascontiguousarray(a).view(np.uint8).reshape(-1) for a in (head, index, rows[rows != 0])])


def in_pairs(blocks: Array) -> Array:
    """Blocks of four weights (*, 4) as words (*, 2, 2): the first and third, the second and fourth."""
    return blocks.astype(np.int16)[..., [[0, 2], [1, 3]]]


def sparse_rows(operand: Operand, lanes: int, room: int, element: int = 1) -> Array:
    """Weights for ``lissom_sparse_row.h``, whose registers hold ``room`` blocks of x at once: how many steps each
    vector of output channels takes for each part of x, biases, multipliers, and what lanes pick and weigh. Blocks
    are four weights of ``element`` bytes, or a float, which has no multiplier."""
    w = operand.array.reshape(*operand.array.shape[:2], 1)
    if element == 4:
        heads = [operand.beside["b"].astype(np.float32)]
    else:
        w = fours_of(w)
        heads = [a[0] for a in quantized_head(operand, w[None])]
    vectors, parts = -(-len(w) // lanes), -(-w.shape[1] // room)
    filled = np.zeros((vectors * lanes, parts * room, w.shape[2]), w.dtype)
    filled[: len(w), : w.shape[1]] = w
    blocks = filled.reshape(vectors, lanes, parts, room, -1).transpose(
        0, 2, 1, 3, 4
    )  # vector, part, lane, block, weight
    alive = blocks.any(4)
    counts = alive.sum(3).max(2).astype(np.uint8)
    first = np.argsort(~alive, axis=3, kind="stable")  # those that are not zero, in order, in front
    head = np.zeros((len(heads), vectors * lanes), np.int32)
    for row, values in zip(head, heads, strict=True):
        row[: len(w)] = values.view(np.int32)
    stream = [counts.reshape(-1), np.zeros(-counts.size % (4 * lanes), np.uint8), head]
    for v in range(vectors):
        for p, steps in enumerate(counts[v]):
            picked = np.zeros((lanes, -(-int(steps) // 4) * 4), np.uint8)
            picked[:, :steps] = first[v, p, :, :steps]
            stream.append(picked.reshape(lanes, -1, 4).swapaxes(0, 1))
            steps_of = np.take_along_axis(blocks[v, p], first[v, p, :, :steps, None], 1).swapaxes(0, 1)
            stream.append(in_pairs(steps_of).swapaxes(1, 2) if element == 2 else steps_of)
    return np.concatenate([np.ascontiguousarray(a).view(np.uint8).reshape(-1) for a in stream])
