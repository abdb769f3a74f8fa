"""A histogram of values that come in batches, and what it costs to cut its tails."""

from __future__ import annotations

import numpy as np
import torch

from lissom.ir.types import Array

SAMPLE = 1 << 12
"""Elements of every sample that are counted, evenly spaced; at least eight times as many of a batch."""


def in_memory_order(x: torch.Tensor) -> torch.Tensor:
    """All elements in one row, as they lie in memory: a view, whatever the order of the axes."""
    return x.permute(sorted(range(x.ndim), key=x.stride, reverse=True)).reshape(-1)


class Histogram:
    """Counts in bins of equal width, symmetric around zero; values that are exactly zero are left out.

    Zero is exact on every grid, so it never adds to an error, and after a ReLU it would hide everything else. The width
    doubles whenever a batch reaches beyond it, which merges bins in pairs: one pass over the data is enough.
    """

    BINS = 8192

    def __init__(self) -> None:
        self.counts = np.zeros(self.BINS, np.float64)
        self.width = 0.0
        self.zeros = 0

    @property
    def edges(self) -> Array:
        """The BINS + 1 limits of the bins."""
        return np.linspace(-self.width, self.width, self.BINS + 1)

    @property
    def centres(self) -> Array:
        """The middle of every bin."""
        edges = self.edges
        return (edges[1:] + edges[:-1]) / 2

    def add(self, x: torch.Tensor, reach: float) -> None:
        """Count the elements of ``x``, none of which is larger than ``reach`` in magnitude."""
        flat = in_memory_order(x.detach())
        count = SAMPLE * max(8, x.shape[0] if x.ndim else 1)
        if flat.numel() > count:  # an odd step runs through all columns of an image
            flat = flat[:: flat.numel() // count | 1].contiguous()
        self.width = self.width or reach or 1.0
        while reach > self.width:
            self.counts = np.pad(self.counts.reshape(-1, 2).sum(axis=1), self.BINS // 4)
            self.width *= 2
        zeros = flat.numel() - int(torch.count_nonzero(flat))
        if zeros < flat.numel():
            self.counts += torch.histc(flat.float(), self.BINS, -self.width, self.width).numpy()
            self.counts[self.BINS // 2] -= zeros  # the bin that begins at zero
        self.zeros += zeros

    def tails(self, limits: Array) -> tuple[Array, Array]:
        """For each limit (>= 0): how many values lie above it, and the sum of squares of what is cut off there."""
        centres = self.centres
        n, first, second = (np.append(np.cumsum((self.counts * centres**k)[::-1])[::-1], 0.0) for k in range(3))
        at = np.searchsorted(centres, limits, side="right")
        return n[at], np.maximum(second[at] - 2 * limits * first[at] + limits**2 * n[at], 0.0)

    def mirrored(self) -> Histogram:
        """The histogram of ``-x``."""
        other = Histogram()
        other.counts, other.width, other.zeros = self.counts[::-1], self.width, self.zeros
        return other
