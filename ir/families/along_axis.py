"""Base of the ops that normalise along one axis."""

from __future__ import annotations

from collections.abc import Iterable

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.op import Op
from lissom.ir.samples import value
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class AlongAxis(Op, abstract=True):
    """y = f(x) of the same type, where f acts along ``axis`` (negative counts from the back)."""

    x: Value
    axis: int = -1

    def infer(self) -> TensorType:
        rank = self.x.type.rank
        self.require(self.x.type.dtype.is_float, "a float operand", self.x.type)
        self.require(-rank <= self.axis < rank, f"an axis of {self.x.type}", self.axis)
        return self.x.type

    def channels(self, flow: Flow) -> Layout:
        flow.statistic(self, self.x, [self.axis])
        return flow.of(self.x)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        x = value("x", 2, 3, 4, high=30)
        yield cls(x)
        yield cls(x, axis=1)
        yield cls(x, axis=-3)
        yield cls(value("x", symbol("N"), 7))
        yield cls(value("x", 3, 5, dtype=DType.float16))
