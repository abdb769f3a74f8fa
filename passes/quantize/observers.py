"""Ranges of values, gathered from the batches of a calibration run.

An observer sees every batch once. What a *method* makes of it is a function from a histogram to a range.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
import torch

from lissom.ir.errors import DataError
from lissom.ir.types import Array
from lissom.passes.quantize.histogram import Histogram, in_memory_order

Range: TypeAlias = tuple[float, float]
Method: TypeAlias = Literal["minmax", "average", "percentile", "mse", "entropy"]

MOMENTUM = 0.9
"""How much of the moving average a batch leaves as it was."""
CANDIDATES = 128
"""Limits tried on either side by the methods that search."""
LEVELS = 128
"""Cells of the coarse distribution that ``entropy`` compares with."""


class Observer:
    """The range of one value over all batches.

    - ``minmax``: its extremes.
    - ``average``: a moving average of the extremes of each batch (Jacob et al. 2018, arXiv:1712.05877, section 3.1).
    - ``percentile``: all but the rare tails (Wu et al. 2020, arXiv:2004.09602, section 5.1).
    - ``mse``: where rounding and clipping together lose least (Banner et al. 2019, arXiv:1810.05723).
    - ``entropy``: where the clipped distribution, in 128 steps, diverges least from the original (Migacz 2017,
      "8-bit inference with TensorRT").
    """

    def __init__(self, method: Method = "minmax", percentile: float = 99.99, levels: int = 255) -> None:
        self.method = method
        self.percentile = percentile
        self.levels = levels
        self.low, self.high = 0.0, 0.0
        self.seen = False
        self.histogram = None if method in ("minmax", "average") else Histogram()

    def see(self, x: torch.Tensor, name: str) -> None:
        """Take in one batch; raises DataError where it is not finite."""
        if x.numel() == 0:
            return
        low, high = (float(end) for end in torch.aminmax(in_memory_order(x.detach())))
        if not (math.isfinite(low) and math.isfinite(high)):
            raise DataError(
                f"calibration gives NaN or Inf at {name!r}, which cannot be quantized; check the data and the weights"
            )
        if self.method == "average" and self.seen:
            low, high = (MOMENTUM * old + (1 - MOMENTUM) * new for old, new in ((self.low, low), (self.high, high)))
            self.low, self.high = min(0.0, low), max(0.0, high)
        else:
            self.low, self.high = min(self.low, low), max(self.high, high)
        self.seen = True
        if self.histogram is not None:
            self.histogram.add(x, max(-low, high))

    def range(self) -> Range:
        """Smallest and largest value to represent; zero is always between them."""
        if self.histogram is None or not self.histogram.counts.any():
            return self.low, self.high
        low, high = METHODS[self.method](self)
        return max(self.low, min(0.0, low)), min(self.high, max(0.0, high))


def _percentile(o: Observer) -> Range:
    assert o.histogram is not None
    counts = o.histogram.counts.copy()
    counts[o.histogram.BINS // 2] += o.histogram.zeros
    tail = (1 - o.percentile / 100) / 2 * counts.sum()
    below = np.cumsum(counts)
    first = int(np.searchsorted(below, tail, side="right"))
    last = int(np.searchsorted(below, below[-1] - tail, side="left"))
    edges = o.histogram.edges
    return float(edges[first]), float(edges[min(last + 1, len(edges) - 1)])


def _mse(o: Observer) -> Range:
    """All pairs of a lower and an upper limit; rounding costs step**2 / 12 for each value within."""
    assert o.histogram is not None
    share = np.linspace(0.0, 1.0, CANDIDATES + 1)
    lows, highs = -o.low * share, o.high * share
    below, cut_below = o.histogram.mirrored().tails(lows)
    above, cut_above = o.histogram.tails(highs)
    step = (lows[:, None] + highs[None, :]) / o.levels
    within = o.histogram.counts.sum() - below[:, None] - above[None, :]
    error = cut_below[:, None] + cut_above[None, :] + within * step**2 / 12
    i, j = np.unravel_index(int(np.argmin(error)), error.shape)
    return -float(lows[i]), float(highs[j])


def _entropy(o: Observer) -> Range:
    """Both limits at one magnitude, chosen on the histogram of magnitudes."""
    assert o.histogram is not None
    half = o.histogram.BINS // 2
    p = (o.histogram.counts[half:] + o.histogram.counts[:half][::-1]).reshape(-1, half // 2048).sum(axis=1)
    used = int(np.flatnonzero(p).max()) + 1
    best, best_size = math.inf, used
    for size in np.unique(np.linspace(min(LEVELS, used), used, CANDIDATES).astype(int)):
        if (divergence := _divergence(p, int(size))) < best:
            best, best_size = divergence, int(size)
    limit = best_size * o.histogram.width / len(p)
    return -limit, limit


def _divergence(p: Array, size: int) -> float:
    """KL(p clipped to ``size`` bins || the same in LEVELS cells, spread evenly over the bins p fills)."""
    clipped = p[:size].copy()
    clipped[-1] += p[size:].sum()
    cell = np.minimum(np.arange(size) * LEVELS // size, LEVELS - 1)
    filled = p[:size] > 0
    mass = np.bincount(cell, p[:size], LEVELS)
    members = np.bincount(cell, filled, LEVELS)
    q = np.where(filled, (mass / np.maximum(members, 1))[cell], 0.0)
    clipped, q = clipped / clipped.sum(), q / max(float(q.sum()), 1e-300)
    both = clipped > 0
    return float(np.sum(clipped[both] * np.log(clipped[both] / np.maximum(q[both], 1e-12))))


METHODS: dict[str, Callable[[Observer], Range]] = {"percentile": _percentile, "mse": _mse, "entropy": _entropy}
"""What makes a range of a histogram."""


class ChannelExtremes:
    """Largest magnitude along one axis, for each of its channels, over all batches: what equalization reads."""

    def __init__(self, axis: int) -> None:
        self.axis = axis
        self.largest: torch.Tensor | None = None

    def see(self, x: torch.Tensor) -> None:
        """Take in one batch."""
        others = [i for i in range(x.ndim) if i != self.axis % x.ndim]
        found = x.detach().abs().amax(others) if others else x.detach().abs()
        self.largest = found if self.largest is None else torch.maximum(self.largest, found)
