"""Separable resampling of one axis at a time: source coordinates, interpolation taps, nearest neighbours.

Formulas are those of ONNX Resize. Nearest neighbours are found in float32, step by step as onnxruntime does, because
there a rounding decides which element is taken; weights of the other modes are computed in float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from lissom.ir.errors import Unsupported
from lissom.ir.types import Array

COORDINATES = (
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_crop_and_resize",
)


@dataclass(frozen=True)
class Axis:
    """One axis to resample, from ``size`` elements to ``resized``.

    ``length`` is the resized length before it was made an integer; ``start`` and ``end`` are the region of interest of
    ``tf_crop_and_resize``, as fractions of the axis.
    """

    axis: int
    size: int
    resized: int
    scale: float
    length: float
    start: float = 0.0
    end: float = 1.0

    @property
    def trivial(self) -> bool:
        """Whether resampling changes nothing."""
        return self.size == self.resized and self.scale == 1.0 and (self.start, self.end) == (0.0, 1.0)


def coordinates(mode: str, a: Axis, real: type[np.float32] | type[np.float64]) -> Array:
    """Where in the source each output element lies, computed in the type ``real``."""
    i: Array = np.arange(a.resized, dtype=real)
    scale, size, length = real(a.scale), real(a.size), real(a.length)
    one, half = real(1), real(0.5)
    start, end = real(a.start), real(a.end)
    x: Array
    match mode:
        case "asymmetric":
            x = i / scale
        case "align_corners":
            x = i * (size - one) / (length - one) if length != 1 else np.zeros_like(i)
        case "tf_crop_and_resize" if length == 1:
            x = np.full_like(i, half * (start + end) * (size - one))
        case "tf_crop_and_resize":
            x = start * (size - one) + i * (end - start) * (size - one) / (length - one)
        case "pytorch_half_pixel" if length == 1:
            x = np.full_like(i, -half)
        case "half_pixel" | "pytorch_half_pixel":
            x = (i + half) / scale - half
        case "half_pixel_symmetric":
            x = size / real(2) * (one - real(a.resized) / length) + (i + half) / scale - half
        case _:
            raise Unsupported(
                f"no coordinate transformation mode is called {mode!r}; there are {', '.join(COORDINATES)}"
            )
    return x


def nearest(x: Array, mode: str, size: int) -> Array:
    """The index of the source element nearest to each coordinate."""
    half = x.dtype.type(0.5)
    rounded: Array
    match mode:
        case "round_prefer_floor":
            rounded = np.ceil(x - half)
        case "round_prefer_ceil":
            rounded = np.floor(x + half)
        case "floor":
            rounded = np.floor(x)
        case "ceil":
            rounded = np.ceil(x)
        case _:
            raise Unsupported(f"no nearest mode is called {mode!r}")
    return np.asarray(np.clip(rounded, 0, size - 1), dtype=np.int64)


def taps(x: Array, a: Axis, mode: str, cubic_a: float, antialias: bool, exclude_outside: bool) -> tuple[Array, Array]:
    """``(indices, weights)`` of the source elements that make up each output element, both (resized, taps)."""
    stretch = min(a.scale, 1.0) if antialias else 1.0
    radius = {"linear": 1, "cubic": 2}.get(mode)
    if radius is None:
        raise Unsupported(f"no interpolation mode is called {mode!r}; there are nearest, linear and cubic")
    first = int(np.floor(-radius / stretch)) + 1
    offsets = np.arange(first, 2 - first)
    base = np.floor(x)
    distance = np.abs(offsets - (x - base)[:, None]) * stretch
    weights = _hat(distance) if mode == "linear" else _cubic(distance, cubic_a)
    indices = base.astype(np.int64)[:, None] + offsets
    if exclude_outside:
        weights = np.where((indices >= 0) & (indices < a.size), weights, 0.0)
    total = weights.sum(1, keepdims=True)
    return np.clip(indices, 0, a.size - 1), weights / np.where(total == 0, 1.0, total)


def _hat(d: Array) -> Array:
    return np.asarray(np.clip(1 - d, 0, 1))


def _cubic(d: Array, a: float) -> Array:
    """Keys, Cubic convolution interpolation for digital image processing, 1981."""
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def weighted(x: torch.Tensor, axis: int, indices: Array, weights: Array) -> torch.Tensor:
    """``sum over t of weights[:, t] * x[indices[:, t]]`` along one axis, in x's floating type."""
    shape = [1] * x.ndim
    shape[axis] = -1
    total: torch.Tensor | None = None
    for t in range(indices.shape[1]):
        if not weights[:, t].any():
            continue
        w = torch.from_numpy(weights[:, t].copy()).to(x.dtype).reshape(shape)
        term = x.index_select(axis, torch.from_numpy(indices[:, t].copy())) * w
        total = term if total is None else total + term
    assert total is not None or not indices.size
    return x.index_select(axis, torch.from_numpy(indices[:, 0].copy())) if total is None else total
