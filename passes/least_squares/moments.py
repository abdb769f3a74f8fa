"""First and second moments of rows, gathered batch by batch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lissom.passes.least_squares.linear import Matrix


class Moments:
    """Sums over rows of a size, and of their products; for each of several groups, where ``leading`` says how many."""

    def __init__(self, *leading_and_size: int) -> None:
        self.count = 0
        self.total = np.zeros(leading_and_size)
        self.gram = np.zeros((*leading_and_size, leading_and_size[-1]))

    def add(self, a: npt.NDArray[np.floating]) -> None:
        """Take in rows ``a`` (..., rows, size)."""
        self.count += a.shape[-2]
        self.total += a.sum(-2)
        self.gram += a.swapaxes(-1, -2) @ a

    @property
    def mean(self) -> Matrix:
        """Of each element, (..., size)."""
        return self.total / max(self.count, 1)

    @property
    def covariance(self) -> Matrix:
        """Of each pair of elements, (..., size, size)."""
        mean = self.mean
        centred: Matrix = self.gram / max(self.count, 1) - mean[..., :, None] * mean[..., None, :]
        return centred
