"""Scales and zero points: from ranges of activations, and from weights."""

from __future__ import annotations

import math

import numpy as np

from lissom.ir.errors import DataError
from lissom.ir.families.quantization import RANGES
from lissom.ir.types import Array, DType
from lissom.passes.quantize.observers import Range

SHRINKS = np.linspace(1.0, 0.3, 71)
"""Shares of the largest magnitude that are tried as the end of a grid of weights."""


def affine(
    bounds: Range, dtype: DType, *, symmetric: bool = False, limits: tuple[int, int] | None = None
) -> tuple[Array, Array]:
    """Scale (float32) and zero point that spread ``dtype``, or its part ``limits``, over a range that includes zero.

    ``symmetric`` puts zero in the middle: zero point 0, or 128 for uint8. A range without extent, of a value that is
    always zero, gets scale 1, and so does one too small for a normal float32. Jacob et al. 2018, section 3.
    """
    low, high = min(bounds[0], 0.0), max(bounds[1], 0.0)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise DataError(f"a range from {low} to {high} cannot be quantized")
    q_low, q_high = limits or RANGES[dtype]
    middle = (q_low + q_high + 1) // 2
    extent = max(-low, high) / (q_high - middle) if symmetric else (high - low) / (q_high - q_low)
    scale = np.float32(min(extent, float(np.finfo(np.float32).max)))
    if scale <= np.finfo(np.float32).tiny:
        scale = np.float32(1.0)
    zero_point = middle if symmetric else np.clip(np.round(q_low - low / float(scale)), q_low, q_high)
    return np.asarray(scale), np.asarray(zero_point, dtype.numpy)


def weight_limits(dtype: DType, reduced: bool = False) -> tuple[int, int]:
    """Smallest and largest integer of weights: int8 leaves out -128, so that -w always exists; others use it all.

    ``reduced`` is half of the range of int8: two products with a byte then fit in 16 bits, in which x86 processors
    without VNNI are fastest.
    """
    if reduced and dtype is DType.int8:
        return -64, 64
    low, high = RANGES[dtype]
    return (-high, high) if dtype.bits >= 8 else (low, high)


def symmetric(weights: Array, axis: int | None, high: int = 127) -> Array:
    """Float32 scales that map the largest magnitude of each channel along ``axis`` (None: of all) to ``high``.

    A channel of zeros gets the largest scale of the others: its bias, whose step is that of inputs times this, would be
    coarse with any larger one.
    """
    others = None if axis is None else tuple(i for i in range(weights.ndim) if i != axis)
    largest = np.abs(weights).max(axis=others, initial=0.0).astype(np.float32)
    largest = np.where(largest > 0, largest, largest.max(initial=0.0))
    return usable(np.asarray(largest / np.float32(high), np.float32))


def least_squares(weights: Array, axis: int | None, low: int, high: int) -> Array:
    """Float32 scales under which rounding and clipping the weights of each channel loses least.

    The end of the grid is searched below the largest magnitude (Choukroun et al. 2019, arXiv:1902.06822, section 3).
    """
    rows = (
        np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1) if axis is not None else weights.reshape(1, -1)
    )
    rows = rows.astype(np.float32)
    whole = symmetric(rows, 0, high)
    best, least = whole, np.full(len(rows), np.inf)
    for share in SHRINKS:
        scale = usable((whole * np.float32(share)).astype(np.float32))[:, None]
        error = ((np.clip(np.round(rows / scale), low, high) * scale - rows) ** 2).sum(axis=1, dtype=np.float64)
        better = error < least
        best, least = np.where(better, scale[:, 0], best), np.where(better, error, least)
    return np.asarray(best.reshape(()) if axis is None else best, np.float32)


def usable(scale: Array) -> Array:
    """``scale``, or 1 where it is too small for a normal float32."""
    return np.where(scale > np.finfo(np.float32).tiny, scale, np.float32(1.0)).astype(np.float32)
