"""Ranges of values, gathered from the batches of a calibration run."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import numpy as np
import torch

from lissom.ir.errors import DataError
from lissom.ir.quantization import RANGES
from lissom.ir.types import Array, DType

Range: TypeAlias = tuple[float, float]
Method: TypeAlias = Literal["minmax", "percentile"]


class Observer:
    """The range of one value over all batches: its extremes, or with ``percentile`` below 100 all but its rare tails.

    The percentile is read from a histogram of 4,096 bins, symmetric around zero; its width doubles whenever a batch
    reaches beyond it, which merges bins in pairs, so that one pass over the data is enough.
    """

    BINS = 4096

    def __init__(self, method: Method = "minmax", percentile: float = 99.99) -> None:
        self.percentile = percentile if method == "percentile" else 100.0
        self.low, self.high = 0.0, 0.0
        self.counts = np.zeros(self.BINS, np.int64)
        self.width = 0.0

    def see(self, x: torch.Tensor, name: str) -> None:
        """Take in one batch; raises DataError where it is not finite."""
        if x.numel() == 0:
            return
        low, high = float(x.min()), float(x.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise DataError(
                f"calibration gives NaN or Inf at {name!r}, which cannot be quantized; check the data and the weights"
            )
        self.low, self.high = min(self.low, low), max(self.high, high)
        if self.percentile < 100.0:
            self._count(x.detach().to(torch.float64).numpy().ravel(), max(-low, high))

    def _count(self, x: Array, reach: float) -> None:
        self.width = self.width or reach or 1.0
        while reach > self.width:
            middle = self.counts.reshape(-1, 2).sum(axis=1)
            self.counts = np.pad(middle, self.BINS // 4)
            self.width *= 2
        self.counts += np.histogram(x, self.BINS, (-self.width, self.width))[0]

    def range(self) -> Range:
        """Smallest and largest value to represent; zero is always between them."""
        if self.percentile >= 100.0:
            return self.low, self.high
        tail = (1 - self.percentile / 100) / 2 * self.counts.sum()
        edges = np.linspace(-self.width, self.width, self.BINS + 1)
        below = np.cumsum(self.counts)
        first = int(np.searchsorted(below, tail, side="right"))
        last = int(np.searchsorted(below, below[-1] - tail, side="left"))
        return max(self.low, min(0.0, float(edges[first]))), min(self.high, max(0.0, float(edges[last + 1])))


def affine(bounds: Range, dtype: DType) -> tuple[Array, Array]:
    """Scale (float32) and zero point that spread the whole of ``dtype`` over a range which includes zero.

    A range without extent, of a value that is always zero, gets scale 1. Jacob et al. 2018, section 3.
    """
    low, high = min(bounds[0], 0.0), max(bounds[1], 0.0)
    q_low, q_high = RANGES[dtype]
    scale = np.float32((high - low) / (q_high - q_low))
    if not scale > np.finfo(np.float32).tiny:
        scale = np.float32(1.0)
    zero_point = np.clip(np.round(q_low - low / float(scale)), q_low, q_high)
    return np.asarray(scale), np.asarray(zero_point, dtype.numpy)


def symmetric(weights: Array, axis: int | None, high: int = 127) -> Array:
    """Float32 scales that map the largest magnitude of each channel along ``axis`` (None: of all) to ``high``."""
    others = None if axis is None else tuple(i for i in range(weights.ndim) if i != axis)
    largest = np.abs(weights).max(axis=others, initial=0.0).astype(np.float32)
    scale: Array = np.asarray(largest / np.float32(high), np.float32)
    return np.where(scale > np.finfo(np.float32).tiny, scale, np.float32(1.0)).astype(np.float32)
