"""The arithmetic of integer ops, in torch: docs/numerics.md states it, every back end must give the same bits.

    quantize     q = saturate(round_half_even(x / scale) + zero_point)
    dequantize   x = (q - zero_point) * scale
    requantize   q = saturate(round_half_even(float32(acc) * multiplier) + zero_point)

``acc`` is an exact int32 sum; every step is one IEEE float32 operation, none contracted into another.
"""

from __future__ import annotations

import numpy as np
import torch

from lissom.ir.op import Op
from lissom.ir.types import Array, DType
from lissom.ir.values import Value

RANGES: dict[DType, tuple[int, int]] = {
    DType.int2: (-2, 1),
    DType.uint2: (0, 3),
    DType.int4: (-8, 7),
    DType.uint4: (0, 15),
    DType.int8: (-128, 127),
    DType.uint8: (0, 255),
    DType.int16: (-(2**15), 2**15 - 1),
    DType.uint16: (0, 2**16 - 1),
    DType.int32: (-(2**31), 2**31 - 1),
}
"""Smallest and largest value of each integer type that tensors are quantized to."""


def expand(parameter: torch.Tensor, axis: int, x: torch.Tensor, block_size: int = 0) -> torch.Tensor:
    """A scale or zero point shaped to broadcast against ``x``: per tensor, per channel along ``axis``, or blocked."""
    if parameter.ndim == 0 or parameter.numel() == 1:
        return parameter.reshape(())
    if block_size:
        return parameter.repeat_interleave(block_size, dim=axis).narrow(axis, 0, x.shape[axis])
    shape = [1] * x.ndim
    shape[axis] = -1
    return parameter.reshape(shape)


def saturate(x: torch.Tensor, dtype: DType) -> torch.Tensor:
    """Clamp rounded values to the range of ``dtype`` and carry them in its torch type."""
    low, high = RANGES[dtype]
    return x.clamp(low, high).to(dtype.torch)


def requantize(acc: torch.Tensor, multiplier: torch.Tensor, zero_point: torch.Tensor, dtype: DType) -> torch.Tensor:
    """Exact sums (any integer or float64 tensor of integers within int32) to quantized values."""
    scaled = torch.round(acc.to(torch.int32).to(torch.float32) * multiplier)
    return saturate(scaled + zero_point.to(torch.float32), dtype)


def multiplier(x_scale: torch.Tensor, w_scale: torch.Tensor, y_scale: torch.Tensor) -> torch.Tensor:
    """``x_scale * w_scale / y_scale``, two float32 operations in this order."""
    return x_scale.float() * w_scale.float() / y_scale.float()


def multiplier_array(x_scale: Array, w_scale: Array, y_scale: Array) -> Array:
    """:func:`multiplier` on numpy arrays, for code that packs constants: the same bits."""
    scaled: Array = x_scale.astype(np.float32) * w_scale.astype(np.float32) / y_scale.astype(np.float32)
    return scaled


def centred(q: torch.Tensor, zero_point: torch.Tensor | None, axis: int = 0) -> torch.Tensor:
    """``q - zero_point`` as float64, in which sums of products of 8-bit values are exact."""
    x = q.to(torch.float64)
    return x if zero_point is None else x - expand(zero_point.to(torch.float64), axis, x)


def narrowed(x: torch.Tensor, w: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Centred operands in the narrowest float type in which every sum over all but the first axis of ``w`` is exact.

    Below 2**24 every integer is a float32, in whatever order a sum is taken; float32 products are several times faster.
    """
    bound = float(w.abs().flatten(1).sum(1).max()) * 255 if w.numel() else 0.0
    return (x.to(torch.float32), w.to(torch.float32)) if bound < 2**24 else (x, w)


def require_quantized(op: Op, value: Value, scale: Value, zero_point: Value | None, name: str) -> None:
    """Check an integer op's operand: a tensor of 8 bits or less, a float scale, a zero point of the tensor's type."""
    dtype = value.type.dtype
    op.require(dtype in RANGES and dtype.bits <= 8, f"{name} of type int8, uint8 or a narrower one", value.type)
    op.require(scale.type.dtype.is_float, f"a float scale of {name}", scale.type)
    if zero_point is not None:
        op.require(zero_point.type.dtype is value.type.dtype, f"a zero point of {name}'s type", zero_point.type)
