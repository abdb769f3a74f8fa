"""Criteria that look at weights only.

A unit's score is summed over all weights it occurs in, each divided by the mean over its axis, so that layers of
different scale count alike (group sum, as in DepGraph, Fang et al. 2023, arXiv:2301.12900).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.passes.prune.evidence import Evidence, Scores
from lissom.passes.prune.solve import Place

Slices: TypeAlias = npt.NDArray[np.float64]
"""One row for each position of an axis, all other elements of the weight beside each other."""


def l1(evidence: Evidence) -> Scores:
    """Sum of magnitudes (Li et al. 2016, Pruning Filters for Efficient ConvNets, arXiv:1608.08710)."""
    return _summed(evidence, lambda rows, place: np.abs(rows).sum(1) if _matrix(place) else None)


def l2(evidence: Evidence) -> Scores:
    """Euclidean norm (Li et al. 2016, section 4.4)."""
    return _summed(evidence, lambda rows, place: np.sqrt(np.square(rows).sum(1)) if _matrix(place) else None)


def bn_scale(evidence: Evidence) -> Scores:
    """Magnitude of the batch normalization's scale (Liu et al. 2017, Network Slimming, arXiv:1708.06519).

    For graphs that still have it: run ``mask`` before ``fold``. Units without a scale are scored by ``l1``.
    """
    scores = _summed(evidence, lambda rows, place: np.abs(rows[:, 0]) if _scales(place) else None)
    return np.where(scores > 0, scores, l1(evidence)) if scores.any() else l1(evidence)


def geometric_median(evidence: Evidence) -> Scores:
    """Sum of distances to all other slices: near the median they can be replaced (He et al. 2019, arXiv:1811.00250)."""
    return _summed(evidence, lambda rows, place: _distances(rows) if _matrix(place) else None)


def at_random(evidence: Evidence) -> Scores:
    """No information: the control every criterion has to beat."""
    return np.random.default_rng(evidence.seed).random(evidence.solution.count)


def _summed(evidence: Evidence, rate: Callable[[Slices, Place], Scores | None]) -> Scores:
    scores = np.zeros(evidence.solution.count)
    for place in evidence.solution.places:
        data = place.const.data
        if not place.const.type.dtype.is_float:
            continue
        rows = np.moveaxis(data, place.axis, 0).reshape(data.shape[place.axis], -1).astype(np.float64)
        rows[~np.isfinite(rows)] = 0  # the minus infinity of an attention mask has no magnitude to compare
        rated = rate(rows, place)
        if rated is not None:
            np.add.at(scores, place.units.reshape(-1), rated / (rated.mean() or 1.0))
    return scores


def _matrix(place: Place) -> bool:
    return place.const.data.ndim > 1


def _scales(place: Place) -> bool:
    return any(isinstance(op, BatchNormalization) and op.scale is place.const for op in place.const.users)


def _distances(rows: Slices) -> Scores:
    squares = np.square(rows).sum(1)
    distances = squares[:, None] + squares[None, :] - 2 * rows @ rows.T
    total: Scores = np.sqrt(np.maximum(distances, 0)).sum(1)
    return total
