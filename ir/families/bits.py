"""Moving elements of types that torch holds but has few operations for."""

from __future__ import annotations

from collections.abc import Callable

import torch

_AS_INTEGER = {
    torch.uint16: torch.int16,
    torch.uint32: torch.int32,
    torch.uint64: torch.int64,
    torch.float8_e4m3fn: torch.int8,
    torch.float8_e4m3fnuz: torch.int8,
    torch.float8_e5m2: torch.int8,
    torch.float8_e5m2fnuz: torch.int8,
    torch.float8_e8m0fnu: torch.int8,
}


def by_bits(move: Callable[..., torch.Tensor], *tensors: torch.Tensor) -> torch.Tensor:
    """``move(*tensors)`` where ``move`` only puts elements in places; the tensors are of one dtype.

    Unsigned integers above 8 bits and float8 travel as signed integers of the same width.
    """
    carrier = _AS_INTEGER.get(tensors[0].dtype)
    if carrier is None:
        return move(*tensors)
    return move(*(t.view(carrier) for t in tensors)).view(tensors[0].dtype)


def take(x: torch.Tensor, axis: int, positions: torch.Tensor) -> torch.Tensor:
    """The slices of x at ``positions``, a vector of int64 without negative numbers, along ``axis``."""
    return by_bits(lambda t: t.index_select(axis, positions), x)
