"""Bases of the ops that work element by element."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

from lissom.ir.broadcasting import broadcast_shapes
from lissom.ir.dims import symbol
from lissom.ir.op import Op
from lissom.ir.samples import value, weight
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Value


class Unary(Op, abstract=True):
    """y = f(x), element by element, of the same type."""

    x: Value

    def infer(self) -> TensorType:
        return self.x.type

    @classmethod
    def samples(cls) -> Iterable[Op]:  # type: ignore[override]  # same call, but the class is wanted
        for x in (value("x", 2, 3, 4), value("x", symbol("N"), 7), value("x")):
            yield cls(x)


class Binary(Op, abstract=True):
    """c = f(a, b), element by element with numpy-style broadcasting; a, b and c of one dtype."""

    a: Value
    b: Value

    def infer(self) -> TensorType:
        self.require(self.a.type.dtype is self.b.type.dtype, "operands of one dtype", (self.a.type, self.b.type))
        return TensorType(self.a.type.dtype, broadcast_shapes(self, self.a, self.b))

    @classmethod
    def samples(cls) -> Iterable[Op]:  # type: ignore[override]
        x = value("a", 2, 3, 4)
        yield cls(x, value("b", 2, 3, 4))
        yield cls(x, weight("b", 3, 1))
        yield cls(x, x)
        yield cls(value("a", symbol("N"), 1, 5), value("b", 4, 1))
        yield cls(value("a"), value("b", 2))


def fold_binary(function: Callable[[Any, Any], Any], a: Value, b: Value) -> Array | None:
    """Contents of a binary op whose operands' contents are known (object arrays of dims)."""
    left, right = a.contents, b.contents
    if left is None or right is None:
        return None
    return np.asarray(np.frompyfunc(function, 2, 1)(left, right), dtype=object)


def wide(run: Callable[..., torch.Tensor], dtype: DType, *operands: torch.Tensor) -> torch.Tensor:
    """Compute with unsigned 16 to 64 bit integers, which torch cannot, in int64 (modulo 2**64, so wrapping agrees)."""
    if dtype in (DType.uint16, DType.uint32, DType.uint64):
        return run(*(o.to(torch.int64) for o in operands)).to(dtype.torch)
    return run(*operands)
