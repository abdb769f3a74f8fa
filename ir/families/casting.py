"""Conversion between element types, with ONNX's answers for the narrow ones."""

from __future__ import annotations

from typing import Literal

import ml_dtypes
import numpy as np
import torch

from lissom.ir.tensors import to_array, to_tensor
from lissom.ir.types import Array, DType

RoundMode = Literal["up", "down", "nearest"]

_NARROW_FLOATS = {
    DType.float8e4m3fn,
    DType.float8e4m3fnuz,
    DType.float8e5m2,
    DType.float8e5m2fnuz,
    DType.float4e2m1fn,
}


def cast(
    x: torch.Tensor, source: DType, target: DType, saturate: bool = True, round_mode: RoundMode = "up"
) -> torch.Tensor:
    """The elements of ``x`` as ``target``; differentiable between float16, bfloat16, float32 and float64.

    Floats become integers by truncation, wide integers narrow ones by dropping high bits. ``saturate`` keeps float8
    finite (:func:`_narrow_float`), ``round_mode`` is for float8e8m0 (:func:`_power_of_two`). Raises Unsupported for
    strings.
    """
    if source is target:
        return x
    if x.is_floating_point() and x.element_size() == 1:
        x, source = x.to(torch.float32), DType.float32
    if target is DType.bool:
        return x != 0
    if target is DType.float8e8m0fnu:
        return to_tensor(_power_of_two(to_array(x, source), saturate, round_mode), target)
    if target in _NARROW_FLOATS:
        return to_tensor(_narrow_float(to_array(x, source), target, saturate), target)
    if target.bits < 8:
        low = x.to(torch.int64) & (1 << target.bits) - 1
        top = 1 << target.bits - 1
        return (low if target.value.startswith("u") else (low ^ top) - top).to(target.torch)
    return x.to(target.torch)


def bit_cast(x: torch.Tensor, source: DType, target: DType) -> torch.Tensor:
    """The bits of ``x`` read as ``target``, which has as many."""
    if target.bits >= 8:
        return x.view(target.torch)
    codes = to_array(x, source).view(np.uint8) & np.uint8((1 << target.bits) - 1)
    if target is DType.float4e2m1fn:
        return to_tensor(codes.view(target.numpy), target)
    return cast(torch.from_numpy(codes), DType.uint8, target)


def _narrow_float(x: Array, target: DType, saturate: bool) -> Array:
    """Rounded half to even. Beyond the largest value stands that value, or without ``saturate`` infinity or NaN."""
    wide = x.astype(np.float64) if x.dtype.kind in "iub" else x
    with np.errstate(over="ignore", invalid="ignore"):
        if saturate and target is not DType.float4e2m1fn:
            largest = float(ml_dtypes.finfo(target.numpy).max)  # type: ignore[no-untyped-call]
            wide = np.clip(wide.astype(np.promote_types(np.float32, wide.dtype)), -largest, largest)
        return np.asarray(wide.astype(target.numpy))


def _power_of_two(x: Array, saturate: bool, round_mode: RoundMode) -> Array:
    """float8e8m0: 2**-127 to 2**127 and NaN. ``nearest`` takes ties up; the sign is dropped.

    What lies outside (0 and infinity too) becomes the end of the range, or NaN without ``saturate``.
    """
    wide = np.abs(x.astype(np.float64))
    half, exponent = np.frexp(wide)  # wide = half * 2**exponent, half in [0.5, 1)
    raised = {"up": half > 0.5, "down": np.zeros_like(half, bool), "nearest": half >= 0.75}[round_mode]
    code = exponent - 1 + raised + 127
    code = np.where(wide == 0, -1, np.where(np.isinf(wide), 255, code))
    code = np.clip(code, 0, 254) if saturate else np.where((code < 0) | (code > 254), 255, code)
    code = np.where(np.isnan(wide), 255, code)
    return np.asarray(code.astype(np.uint8)).view(DType.float8e8m0fnu.numpy)
