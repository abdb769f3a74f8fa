"""Bases of the ops that work element by element on one or two operands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.broadcasting import broadcast_shapes
from lissom.ir.op import Op
from lissom.ir.samples import value, weight
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Value


class Unary(Op, abstract=True):
    """y = f(x), element by element, of the same type."""

    x: Value

    interval: ClassVar[tuple[float, float]] = (-3.0, 3.0)
    """Where samples take x from: f is defined there."""

    def infer(self) -> TensorType:
        return self.x.type

    def channels(self, flow: Flow) -> Layout:
        return flow.of(self.x)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        low, high = cls.interval
        yield cls(value("x", 2, 3, 4, low=low, high=high))
        yield cls(value("x", symbol("N"), 7, low=low, high=high))
        yield cls(value("x", low=low, high=high))
        yield cls(value("x", 0, 3))
        yield cls(value("x", 5, dtype=DType.float16, low=low, high=high))


class FloatUnary(Unary, abstract=True):
    """y = f(x), element by element, on floats only."""

    def infer(self) -> TensorType:
        self.require(self.x.type.dtype.is_float, "a float operand", self.x.type)
        return self.x.type


class Binary(Op, abstract=True):
    """c = f(a, b), element by element with numpy-style broadcasting; a, b and c of one dtype."""

    a: Value
    b: Value

    def infer(self) -> TensorType:
        self.require(self.a.type.dtype is self.b.type.dtype, "operands of one dtype", (self.a.type, self.b.type))
        return TensorType(self.a.type.dtype, broadcast_shapes(self, self.a, self.b))

    def channels(self, flow: Flow) -> Layout:
        return flow.unify(self, self.a, self.b)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        x = value("a", 2, 3, 4)
        yield cls(x, value("b", 2, 3, 4))
        yield cls(x, weight("b", 3, 1))
        yield cls(x, x)
        yield cls(value("a", symbol("N"), 1, 5), value("b", 4, 1))
        yield cls(value("a"), value("b", 2))
        yield cls(value("a", 3, 4, dtype=DType.int32, low=-9), value("b", 4, dtype=DType.int32, low=1))
        yield cls(
            value("a", 9, dtype=DType.uint16, high=1 << 16), value("b", 9, dtype=DType.uint16, low=1, high=1 << 16)
        )
        yield cls(value("a", 2, 0, 4), value("b", 1, 4))


def fold_binary(function: Callable[[Any, Any], Any], a: Value, b: Value) -> Array | None:
    """Contents of a binary op whose operands' contents are known (object arrays of dims).

    None as well where ``function`` answers None for a pair of dims: it depends on what the symbols stand for.
    """
    left, right = a.contents, b.contents
    if left is None or right is None:
        return None
    folded = np.asarray(np.frompyfunc(function, 2, 1)(left, right), dtype=object)
    return None if any(d is None for d in folded.flat) else folded
