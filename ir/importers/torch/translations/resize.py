"""Interpolation and moves between space and channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lissom.ir.errors import Unsupported
from lissom.ir.importers.torch.operands import Size, reshape, size_of, sizes
from lissom.ir.importers.torch.registry import translates
from lissom.ir.ops.depth_to_space import DepthToSpace
from lissom.ir.ops.resize import Resize
from lissom.ir.ops.transpose import Transpose
from lissom.ir.values import Const, Value

Factors = Sequence[float] | None


def _resize(
    x: Value, output_size: Sequence[Size] | None, factors: Factors, mode: str, transformation: str, **rest: Any
) -> Value:
    """Sizes or factors of the spatial axes; PyTorch takes coordinates from the factors where they are given."""
    scales = shape = None
    if factors is not None and all(f is not None for f in factors):
        scales = Const(np.array([1, 1, *factors], dtype=np.float32))
    else:
        assert output_size is not None
        shape = sizes([size_of(x, 0), size_of(x, 1), *output_size])
    return Resize(x, None, scales, shape, mode=mode, coordinate_transformation_mode=transformation, **rest)


def _per_axis(given: tuple[object, ...]) -> Factors:
    """Factors as one list, or as one argument an axis, which is how decomposed programs have them."""
    if len(given) == 1 and (given[0] is None or isinstance(given[0], list | tuple)):
        return given[0]
    numbers = [g for g in given if isinstance(g, int | float)]
    return numbers if numbers and len(numbers) == len(given) else None


@translates("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d")
def nearest(x: Value, output_size: Sequence[Size] | None, *factors: object) -> Value:
    return _resize(x, output_size, _per_axis(factors), "nearest", "asymmetric", nearest_mode="floor")


@translates("_upsample_nearest_exact1d", "_upsample_nearest_exact2d", "_upsample_nearest_exact3d")
def nearest_exact(x: Value, output_size: Sequence[Size] | None, *factors: object) -> Value:
    return _resize(x, output_size, _per_axis(factors), "nearest", "half_pixel", nearest_mode="round_prefer_ceil")


def _transformation(align_corners: bool) -> str:
    return "align_corners" if align_corners else "half_pixel"


@translates("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d")
def linear(x: Value, output_size: Sequence[Size] | None, align_corners: bool, *factors: object) -> Value:
    return _resize(x, output_size, _per_axis(factors), "linear", _transformation(align_corners))


@translates("_upsample_bilinear2d_aa")
def linear_antialiased(x: Value, output_size: Sequence[Size] | None, align_corners: bool, *factors: object) -> Value:
    return _resize(
        x,
        output_size,
        _per_axis(factors),
        "linear",
        _transformation(align_corners),
        antialias=True,
        exclude_outside=True,
    )


@translates("upsample_bicubic2d")
def cubic(x: Value, output_size: Sequence[Size] | None, align_corners: bool, *factors: object) -> Value:
    transformation = _transformation(align_corners)
    return _resize(x, output_size, _per_axis(factors), "cubic", transformation, cubic_coeff_a=-0.75)


@translates("pixel_shuffle")
def pixel_shuffle(x: Value, upscale_factor: int) -> Value:
    if x.type.rank == 4:
        return DepthToSpace(x, blocksize=upscale_factor, mode="CRD")
    *lead, c, h, w = (size_of(x, i) for i in range(x.type.rank))
    flat = reshape(x, [-1, c, h, w])
    y = DepthToSpace(flat, blocksize=upscale_factor, mode="CRD")
    return reshape(y, [*lead, *(size_of(y, i) for i in (1, 2, 3))])


@translates("pixel_unshuffle")
def pixel_unshuffle(x: Value, factor: int) -> Value:
    """ONNX's SpaceToDepth puts the channel last, PyTorch first, hence the long way."""
    *lead, c, h, w = (x.type.dims[i] for i in range(x.type.rank))
    if not (isinstance(c, int) and isinstance(h, int) and isinstance(w, int)):
        raise Unsupported(f"pixel_unshuffle of symbolic sizes ({x.type}); give the sizes")
    first = [size_of(x, i) for i in range(len(lead))]
    n = len(lead)
    blocks = reshape(x, [*first, c, h // factor, factor, w // factor, factor])
    moved = Transpose(blocks, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return reshape(moved, [*first, c * factor * factor, h // factor, w // factor])


@translates("channel_shuffle", "native_channel_shuffle")
def channel_shuffle(x: Value, groups: int) -> Value:
    channels = x.type.dims[1]
    assert isinstance(channels, int)
    first, rest = size_of(x, 0), [size_of(x, i) for i in range(2, x.type.rank)]
    apart = reshape(x, [first, groups, channels // groups, *rest])
    return reshape(Transpose(apart, (0, 2, 1, *range(3, x.type.rank + 1))), [first, channels, *rest])
