"""k-means of numbers on a line, where the members of a centroid are an interval of the sorted numbers."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from lissom.ir.types import Array

Start: TypeAlias = Literal["linear", "density", "random"]

ROUNDS = 1000
"""More rounds than it takes; each makes the sum of squares smaller."""


def kmeans(values: Array, k: int, start: Start = "linear", seed: int = 0) -> tuple[Array, Array]:
    """At most ``k`` ascending centroids (float64), and for each value the index of the nearest (Lloyd 1982).

    ``start`` is where they begin: evenly between the extremes, evenly in the distribution, or at random values
    (Han et al. 2016, section 3.2). Where there are no more than ``k`` different values, they are the centroids.
    """
    flat = values.reshape(-1).astype(np.float64)
    different, inverse = np.unique(flat, return_inverse=True)
    if len(different) <= k:
        return different, inverse.reshape(values.shape)
    ordered = np.sort(flat)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    centroids = np.sort(_start(different, ordered, k, start, seed))
    for _ in range(ROUNDS):
        ends = np.concatenate([[0], np.searchsorted(ordered, _middles(centroids), side="right"), [len(ordered)]])
        counts = np.diff(ends)
        means = np.diff(sums[ends]) / np.maximum(counts, 1)
        moved = np.where(counts > 0, means, centroids)  # one without members stays
        if np.array_equal(moved, centroids):
            break
        centroids = moved
    members = np.searchsorted(_middles(centroids), flat, side="left")
    used, members = np.unique(members, return_inverse=True)
    return centroids[used], members.reshape(values.shape)


def _start(different: Array, ordered: Array, k: int, start: Start, seed: int) -> Array:
    if start == "linear":
        return np.linspace(ordered[0], ordered[-1], k)
    if start == "density":
        return np.quantile(ordered, (np.arange(k) + 0.5) / k)
    return np.asarray(np.random.default_rng(seed).choice(different, k, replace=False))


def _middles(centroids: Array) -> Array:
    return (centroids[1:] + centroids[:-1]) / 2
