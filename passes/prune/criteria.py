"""How much a unit matters: one small function a criterion, each with its source.

A criterion gives a score to every unit; the lowest go first. A unit's score is summed over all weights it occurs in,
each divided by the mean over its axis, so that layers of different scale count alike (group sum, as in DepGraph,
Fang et al. 2023, arXiv:2301.12900).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.passes.prune.solve import Place, Solution

Scores: TypeAlias = npt.NDArray[np.float64]
Slices: TypeAlias = npt.NDArray[np.float64]
"""One row for each position of an axis, all other elements of the weight beside each other."""


def l1(rows: Slices, place: Place) -> Scores | None:
    """Sum of magnitudes (Li et al. 2016, Pruning Filters for Efficient ConvNets, arXiv:1608.08710)."""
    return np.abs(rows).sum(1) if place.const.data.ndim > 1 else None


def l2(rows: Slices, place: Place) -> Scores | None:
    """Euclidean norm."""
    return np.sqrt(np.square(rows).sum(1)) if place.const.data.ndim > 1 else None


def bn_scale(rows: Slices, place: Place) -> Scores | None:
    """Magnitude of the batch normalization's scale (Liu et al. 2017, Network Slimming, arXiv:1708.06519)."""
    scales = any(isinstance(op, BatchNormalization) and op.scale is place.const for op in place.const.users)
    return np.abs(rows[:, 0]) if scales else None


def geometric_median(rows: Slices, place: Place) -> Scores | None:
    """Sum of distances to all other slices: near the median they can be replaced (He et al. 2019, arXiv:1811.00250)."""
    if place.const.data.ndim < 2:
        return None
    squares = np.square(rows).sum(1)
    distances = squares[:, None] + squares[None, :] - 2 * rows @ rows.T
    total: Scores = np.sqrt(np.maximum(distances, 0)).sum(1)
    return total


WEIGHT_CRITERIA: dict[str, Callable[[Slices, Place], Scores | None]] = {
    "l1": l1,
    "l2": l2,
    "bn_scale": bn_scale,
    "geometric_median": geometric_median,
}


def score(solution: Solution, criterion: str, seed: int = 0) -> Scores:
    """The score of every unit by a criterion that looks at weights only, or at random (the control)."""
    if criterion == "random":
        return np.random.default_rng(seed).random(solution.count)
    rate = WEIGHT_CRITERIA[criterion]
    scores = np.zeros(solution.count)
    for place in solution.places:
        data = place.const.data
        if not place.const.type.dtype.is_float:
            continue
        rows = np.moveaxis(data, place.axis, 0).reshape(data.shape[place.axis], -1).astype(np.float64)
        rated = rate(rows, place)
        if rated is not None:
            np.add.at(scores, place.units.reshape(-1), rated / (rated.mean() or 1.0))
    return scores
