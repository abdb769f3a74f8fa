from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.broadcasting import broadcast_shapes
from lissom.ir.families.unsigned import wide
from lissom.ir.op import Op
from lissom.ir.samples import value, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class PRelu(Op):
    """y = x for x >= 0, slope * x below; slope broadcasts to the shape of x (numpy-style, one way)."""

    x: Value
    slope: Value

    def infer(self) -> TensorType:
        self.require(
            self.x.type.dtype is self.slope.type.dtype, "x and slope of one dtype", (self.x.type, self.slope.type)
        )
        shape, together = self.x.type.dims, broadcast_shapes(self, self.x, self.slope)
        fits = len(shape) == len(together) and all(
            d == t or not isinstance(d, int) for d, t in zip(shape, together, strict=True)
        )
        self.require(fits, "a slope that broadcasts to x", (self.x.type, self.slope.type))
        return self.x.type

    def run(self, x: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
        if not x.dtype.is_signed:
            return x
        return wide(lambda v, s: torch.where(v >= 0, v, s * v), self.type.dtype, x, slope)

    def channels(self, flow: Flow) -> Layout:
        return flow.unify(self, self.x, self.slope)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", symbol("N"), 3, 4, 5)
        yield PRelu(x, weight("slope", 3, 1, 1))
        yield PRelu(x, weight("slope", 1))
        yield PRelu(x, weight("slope", 1, 3, 4, 5))
        yield PRelu(value("x", 2, 3), value("slope", 2, 3))
        yield PRelu(value("x", 9, dtype=DType.int32, low=-9), value("slope", 9, dtype=DType.int32))
