from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.unsigned import ordered
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class Clip(Op):
    """y = min(max, max(min, x)); the bounds are scalars of x's dtype. With min > max everything is max."""

    x: Value
    min: Value | None = None
    max: Value | None = None

    def infer(self) -> TensorType:
        for bound in (self.min, self.max):
            if bound is not None:
                self.require(bound.type.dtype is self.x.type.dtype, f"a bound of type {self.x.type.dtype}", bound.type)
                self.require(bound.type.shape in ((), (1,), None), "a scalar bound", bound.type)
        return self.x.type

    def run(self, x: torch.Tensor, min: torch.Tensor | None, max: torch.Tensor | None) -> torch.Tensor:
        y = x
        if min is not None:
            y = ordered(torch.maximum, self.type.dtype, y, min.reshape(()))
        if max is not None:
            y = ordered(torch.minimum, self.type.dtype, y, max.reshape(()))
        return y

    def channels(self, flow: Flow) -> Layout:
        return flow.of(self.x)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", symbol("N"), 3, 4, low=-9, high=9)
        low, high = literal("min", -1.5, DType.float32), literal("max", 6.0, DType.float32)
        yield Clip(x, low, high)
        yield Clip(x, low)
        yield Clip(x, None, high)
        yield Clip(x)
        yield Clip(x, high, low)
        yield Clip(value("x", 2, 3), value("min"), value("max"))
        yield Clip(
            value("x", 20, dtype=DType.int8, low=-9), literal("min", -3, DType.int8), literal("max", 5, DType.int8)
        )
