"""Tensors made from nothing but a shape, and conversions of element types."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import torch

from lissom.ir.importers.torch.operands import Scalar, Size, cast, dim_of, dtype_of, scalar, shape_of, size_of, sizes
from lissom.ir.importers.torch.registry import translates
from lissom.ir.ops.expand import Expand
from lissom.ir.ops.range import Range
from lissom.ir.ops.squeeze import Squeeze
from lissom.ir.types import DType
from lissom.ir.values import Const, Value

_WHOLE = 256
"""Up to so many elements a filled tensor is a constant; a larger one is spread out when the graph runs."""


def _filled(size: Sequence[Size], value: Scalar, dtype: DType) -> Value:
    known = [dim_of(s) for s in size]
    numbers = [k for k in known if isinstance(k, int)]
    if not isinstance(value, Value) and len(numbers) == len(known) and prod(numbers) <= _WHOLE:
        return Const(np.full(numbers, value).astype(dtype.numpy))
    return Expand(cast(value, dtype) if isinstance(value, Value) else scalar(value, dtype), sizes(size))


def _default(dtype: torch.dtype | None) -> DType:
    return dtype_of(dtype or torch.get_default_dtype())


def _shape(x: Value) -> list[Size]:
    return [size_of(x, i) for i in range(x.type.rank)]


@translates("zeros", "empty", "empty_permuted")
def zeros(size: Sequence[Size], *order: object, dtype: torch.dtype | None = None) -> Value:
    return _filled(size, 0, _default(dtype))


@translates("ones")
def ones(size: Sequence[Size], *, dtype: torch.dtype | None = None) -> Value:
    return _filled(size, 1, _default(dtype))


@translates("full")
def full(size: Sequence[Size], value: Scalar, *, dtype: torch.dtype | None = None) -> Value:
    if dtype is None and not isinstance(value, float):
        kind = value.type.dtype if isinstance(value, Value) else DType.bool if isinstance(value, bool) else DType.int64
        return _filled(size, value, kind)
    return _filled(size, value, _default(dtype))


def _like(x: Value, value: Scalar, dtype: torch.dtype | None) -> Value:
    return _filled(_shape(x), value, dtype_of(dtype) if dtype else x.type.dtype)


@translates("zeros_like", "empty_like", "zero")
def zeros_like(x: Value, *, dtype: torch.dtype | None = None) -> Value:
    return _like(x, 0, dtype)


@translates("ones_like")
def ones_like(x: Value, *, dtype: torch.dtype | None = None) -> Value:
    return _like(x, 1, dtype)


@translates("full_like")
def full_like(x: Value, value: Scalar, *, dtype: torch.dtype | None = None) -> Value:
    return _like(x, value, dtype)


@translates("fill", "fill_")
def fill(x: Value, value: Scalar) -> Value:
    return _like(x, value, None)


@translates("new_zeros", "new_empty")
def new_zeros(x: Value, size: Sequence[Size], *, dtype: torch.dtype | None = None) -> Value:
    return _filled(size, 0, dtype_of(dtype) if dtype else x.type.dtype)


@translates("new_ones")
def new_ones(x: Value, size: Sequence[Size], *, dtype: torch.dtype | None = None) -> Value:
    return _filled(size, 1, dtype_of(dtype) if dtype else x.type.dtype)


@translates("new_full")
def new_full(x: Value, size: Sequence[Size], value: Scalar, *, dtype: torch.dtype | None = None) -> Value:
    return _filled(size, value, dtype_of(dtype) if dtype else x.type.dtype)


@translates("scalar_tensor")
def scalar_tensor(value: Scalar, *, dtype: torch.dtype | None = None) -> Value:
    return cast(value, dtype) if isinstance(value, Value) else scalar(value, _default(dtype))


@translates("arange", "arange.start", "arange.start_step")
def arange(*bounds: Scalar, dtype: torch.dtype | None = None) -> Value:
    start, end, step = (0, *bounds, 1) if len(bounds) == 1 else bounds if len(bounds) == 3 else (*bounds, 1)
    floats = any(isinstance(b, float) or (isinstance(b, Value) and b.type.dtype.is_float) for b in bounds)
    kind = dtype_of(dtype) if dtype else _default(None) if floats else DType.int64
    if not any(isinstance(b, Value) for b in bounds):
        made = torch.arange(start, end, step, dtype=kind.torch)  # type: ignore[arg-type]
        return Const(made.numpy())
    held = DType.float32 if floats else DType.int64
    first, limit, delta = (cast(b, held) if isinstance(b, Value) else scalar(b, held) for b in (start, end, step))
    return cast(Range(first, limit, delta), kind)


@translates("linspace")
def linspace(start: float, end: float, steps: int, *, dtype: torch.dtype | None = None) -> Value:
    return Const(torch.linspace(start, end, steps, dtype=_default(dtype).torch).numpy())


@translates("eye", "eye.m")
def eye(n: int, m: int | None = None, *, dtype: torch.dtype | None = None) -> Value:
    return Const(np.eye(n, m, dtype=_default(dtype).numpy))


@translates("tril_indices")
def tril_indices(rows: int, columns: int, offset: int = 0, *, dtype: torch.dtype | None = None) -> Value:
    return Const(torch.tril_indices(rows, columns, offset).numpy())


@translates("triu_indices")
def triu_indices(rows: int, columns: int, offset: int = 0, *, dtype: torch.dtype | None = None) -> Value:
    return Const(torch.triu_indices(rows, columns, offset).numpy())


@translates("sym_size")
def sym_size(x: Value, dim: int) -> Size:
    return size_of(x, dim % x.type.rank)


@translates("sym_numel", "numel")
def numel(x: Value) -> Value:
    from lissom.ir.ops.size import Size as NumberOfElements

    return NumberOfElements(x)


@translates("to.dtype", "_to_copy", "to.dtype_layout", "to.device")
def to(x: Value, *given: Any, dtype: torch.dtype | None = None) -> Value:
    """Only the element type matters, wherever the form has it."""
    return cast(x, next((g for g in given if isinstance(g, torch.dtype)), dtype))


@translates("to.other", "type_as")
def to_other(x: Value, other: Value, *rest: object) -> Value:
    return cast(x, other.type.dtype)


@translates("torch.sym_float")
def sym_float(x: Value) -> Value:
    return cast(x, DType.float64)


@translates("item", "_local_scalar_dense")
def item(x: Value) -> Value:
    return x if x.type.rank == 0 else Squeeze(x)


@translates("_shape_as_tensor")
def shape_as_tensor(x: Value) -> Value:
    return shape_of(x)
