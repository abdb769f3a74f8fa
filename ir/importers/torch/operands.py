"""What translations build operands from: constants, casts, promotion as in PyTorch, and sizes as shape operands."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
import torch

from lissom.ir.dims import Dim
from lissom.ir.ops.cast import Cast
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.reshape import Reshape
from lissom.ir.ops.shape import Shape
from lissom.ir.ops.squeeze import Squeeze
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.types import DType
from lissom.ir.values import Const, Value

Size: TypeAlias = int | Value
"""A size: a number, or a scalar value whose contents are a dim."""

Number: TypeAlias = bool | int | float
Scalar: TypeAlias = Number | Value
"""A Python number or the value that stands for one (a symbolic size, a 0-D tensor)."""


def ints(*numbers: int) -> Const:
    """A 1-D int64 constant."""
    return Const(np.array(numbers, dtype=np.int64))


def scalar(number: Any, dtype: DType = DType.int64) -> Const:
    """A 0-D constant."""
    return Const(np.array(number).astype(dtype.numpy))


def dtype_of(given: torch.dtype) -> DType:
    """The element type of a torch dtype."""
    return DType(str(given).removeprefix("torch."))


def cast(x: Value, dtype: DType | torch.dtype | None) -> Value:
    """``x`` with elements of type ``dtype``; ``x`` itself where it has them already or none is asked for."""
    wanted = dtype_of(dtype) if isinstance(dtype, torch.dtype) else dtype
    return x if wanted is None or wanted is x.type.dtype else Cast(x, to=wanted)


def like(x: Value, number: Scalar) -> Value:
    """``number`` as a scalar of the element type of ``x``."""
    return cast(number, x.type.dtype) if isinstance(number, Value) else scalar(number, x.type.dtype)


def result_type(*operands: Scalar) -> DType:
    """The element type PyTorch computes in: ranks and Python numbers count as there."""

    def pair(a: Any, b: Any) -> Any:
        rank = max(s.ndim if isinstance(s, torch.Tensor) else 0 for s in (a, b))
        return torch.empty((1,) * rank, dtype=torch.result_type(a, b), device="meta")

    stand_ins = [
        torch.empty((1,) * o.type.rank, dtype=o.type.dtype.torch, device="meta") if isinstance(o, Value) else o
        for o in operands
    ]
    whole: torch.Tensor = reduce(pair, stand_ins[1:] or stand_ins, stand_ins[0])  # type: ignore[assignment]
    return dtype_of(whole.dtype)


def promote(*operands: Scalar, to_float: bool = False) -> tuple[Value, ...]:
    """The operands in one element type, as PyTorch promotes them; ``to_float`` turns integers into float32."""
    dtype = result_type(*operands)
    if to_float and not dtype.is_float:
        dtype = DType.float32
    return tuple(cast(o, dtype) if isinstance(o, Value) else scalar(o, dtype) for o in operands)


def floating(x: Value) -> Value:
    """``x``, integers and bools as float32."""
    return x if x.type.dtype.is_float else cast(x, DType.float32)


def axis_of(x: Value, dim: int, extra: int = 0) -> int:
    """A non-negative axis number; ``extra`` counts axes about to be added."""
    return dim % max(x.type.rank + extra, 1)


def axes_of(x: Value, dims: Sequence[int] | int | None) -> tuple[int, ...]:
    """Non-negative axis numbers; every axis for None or none."""
    if isinstance(dims, int):
        dims = (dims,)
    return tuple(axis_of(x, d) for d in dims) if dims else tuple(range(x.type.rank))


def static(x: Value, axis: int) -> int | None:
    """The size of an axis where it is a number."""
    d = x.type.dims[axis]
    return d if isinstance(d, int) else None


def size_of(x: Value, axis: int) -> Size:
    """The size of an axis: a number, or a scalar computed from ``x``."""
    d = static(x, axis)
    return Squeeze(Shape(x, start=axis, end=axis + 1), ints(0)) if d is None else d


def dim_of(size: Size) -> Dim | None:
    """What a size is known to be; None for one that depends on data."""
    if not isinstance(size, Value):
        return size
    found: Dim | None = None if size.contents is None else size.contents.item()
    return found


def sizes(parts: Sequence[Size]) -> Value:
    """A 1-D int64 operand with these sizes: a constant where all are numbers."""
    pieces: list[Value] = []
    run: list[int] = []
    for part in parts:
        known = dim_of(part)
        if isinstance(known, int):
            run.append(known)
            continue
        assert isinstance(part, Value)
        if run:
            pieces.append(ints(*run))
            run = []
        pieces.append(part.x if isinstance(part, Squeeze) and part.x.type.rank == 1 else Unsqueeze(part, ints(0)))
    if run or not pieces:
        pieces.append(ints(*run))
    return pieces[0] if len(pieces) == 1 else Concat(tuple(pieces), axis=0)


def shape_of(x: Value) -> Value:
    """The whole shape of ``x`` as an operand."""
    return Shape(x) if x.type.static is None else ints(*x.type.static)


def reshape(x: Value, parts: Sequence[Size]) -> Value:
    """``x`` in another shape; one part may be -1.

    Symbolic sizes become 0 (the size at the same place) or -1 (what is left) where that says it, so that the shape is
    a constant for networks with a free batch size and sequence length.
    """
    if x.type.dims == tuple(map(dim_of, parts)):
        return x
    literal: list[int] = []
    for i, known in enumerate(map(dim_of, parts)):
        if isinstance(known, int):
            literal.append(known)
        elif i < x.type.rank and x.type.dims[i] == known:
            literal.append(0)
        elif known is not None and -1 not in literal and -1 not in parts:
            literal.append(-1)
        else:
            return Reshape(x, sizes(parts))
    if any(dim_of(p) == 0 for p in parts):
        return Reshape(x, sizes(parts), allowzero=True)
    return Reshape(x, ints(*literal))


def per_axis(given: Sequence[int] | int, rank: int) -> tuple[int, ...]:
    """One number for each of ``rank`` spatial axes; a single one, or none other than it, stands for all."""
    numbers = (given,) if isinstance(given, int) else tuple(given)
    return numbers * rank if len(numbers) == 1 else numbers
