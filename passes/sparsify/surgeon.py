"""Removing weights while the others make up for it: optimal brain compression and SparseGPT.

Both see one group of a layer as rows of weights w and the damped correlations h of its inputs, and keep
``||(w - new) x||`` small. Weights of a row are ordered (taps, channels).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from lissom.passes.least_squares.columns import BLOCK, inverse_of, sweep
from lissom.passes.sparsify.pattern import Kept, Pattern, Scores, lowest

Matrix = Scores


def sparse_gpt(w: Matrix, h: Matrix, taps: int, pattern: Pattern, amount: float) -> tuple[Matrix, Kept]:
    """Columns from left to right; what goes is decided batch by batch, by what is left of the weights then (Frantar,
    Alistarh 2023, arXiv:2301.00774, algorithm 1)."""
    channels = w.shape[1] // taps
    slices = [
        (tap * channels + first, min(tap * channels + first + pattern.channels, (tap + 1) * channels))
        for tap in range(taps)
        for first in range(0, channels, pattern.channels)
    ]
    ends: list[int] = []
    for _, end in slices:
        if end - (ends[-1] if ends else 0) >= BLOCK or end == w.shape[1]:
            ends.append(end)
    kept = np.ones(w.shape, np.bool_)
    gone, seen = 0, 0

    def decide(start: int, end: int, left: torch.Tensor, diagonal: torch.Tensor) -> None:
        nonlocal gone, seen
        scores = (left[:, start:end] / diagonal[start:end]).square().numpy()
        if pattern.most is not None:
            kept[:, start:end] = pattern.best(scores[:, None])[:, 0]
            return
        inside = [a - start for a, b in slices if start <= a and b <= end]
        rows = np.arange(0, len(scores), pattern.outputs)
        sums, counts = (
            np.add.reduceat(np.add.reduceat(a, rows, axis=0), inside, axis=1) for a in (scores, np.ones_like(scores))
        )
        seen += sums.size
        count = round(amount * seen) - gone
        gone += count
        widths = np.diff([*inside, end - start])
        block = lowest(sums / counts, count).repeat(pattern.outputs, 0)[: len(scores)]
        kept[:, start:end] = block.repeat(widths, 1)

    step = dict(slices if pattern.most is not None else zip([0, *ends], ends, strict=False))

    def place(j: int, left: torch.Tensor, diagonal: torch.Tensor) -> torch.Tensor:
        if j in step:
            decide(j, step[j], left, diagonal)
        return torch.where(torch.from_numpy(kept[:, j : j + 1]), left[:, j : j + 1], 0.0)

    new = sweep(torch.from_numpy(w), torch.from_numpy(h), place, ends)
    return new.numpy(), kept


def brain_surgeon(w: Matrix, h: Matrix, taps: int, pattern: Pattern, amount: float) -> tuple[Matrix, Kept]:
    """In each row the block whose loss is least goes, again and again, the loss and the best values of the others
    exact at every step (Frantar, Alistarh 2022, arXiv:2208.11580, algorithm 1 and section 4)."""
    channels = w.shape[1] // taps
    width = pattern.channels if pattern.most is None else 1
    units = np.array(
        [
            [tap * channels + c if c < channels else -1 for c in range(first, first + width)]
            for tap in range(taps)
            for first in range(0, channels, width)
        ]
    )
    inverse = inverse_of(torch.from_numpy(h)).numpy()
    new, kept = np.empty_like(w), np.empty(w.shape, np.bool_)
    for i, row in enumerate(w):
        new[i], kept[i] = _one_row(row, inverse, units, channels, pattern, round(amount * len(units)))
    return new, kept


def _one_row(
    row: Matrix, inverse: Matrix, units: npt.NDArray[np.int64], channels: int, pattern: Pattern, count: int
) -> tuple[Matrix, Kept]:
    # A weight that is not there, at the end of a short block: its own row of the inverse, and value 0.
    d = len(row)
    left = np.append(row, 0.0)
    inv = np.zeros((d + 1, d + 1))
    inv[:d, :d], inv[d, d] = inverse, 1.0
    alive = np.ones(len(units), np.bool_)
    group = units[:, 0] // channels * -(-channels // pattern.channels) + units[:, 0] % channels // pattern.channels
    excess = np.bincount(group) - (pattern.most or 0)
    if pattern.most is not None:
        count = int(np.maximum(excess, 0).sum())
    for _ in range(count):
        open_ = np.flatnonzero(alive & (excess[group] > 0 if pattern.most is not None else True))
        at = units[open_]
        values = left[at]
        squares = inv[at[:, :, None], at[:, None, :]]
        for k in range(at.shape[1]):  # several that are not there are not correlated
            missing = at[:, k] < 0
            squares[missing, k, :], squares[missing, :, k], squares[missing, k, k] = 0.0, 0.0, 1.0
        loss = (values * np.linalg.solve(squares, values[..., None])[..., 0]).sum(1)
        best = int(np.argmin(loss))
        gone = at[best][at[best] >= 0]
        columns = inv[:, gone]
        solved = np.linalg.solve(inv[np.ix_(gone, gone)], np.column_stack([left[gone], columns.T]))
        left -= columns @ solved[:, 0]
        inv -= columns @ solved[:, 1:]
        inv[gone, :] = inv[:, gone] = 0.0
        left[gone] = 0.0
        alive[open_[best]] = False
        excess[group[open_[best]]] -= 1
    kept = np.ones(d, np.bool_)
    removed = units[~alive]
    kept[removed[removed >= 0]] = False
    return left[:d] * kept, kept
