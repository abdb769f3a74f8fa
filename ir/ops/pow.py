from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.broadcasting import broadcast_shapes
from lissom.ir.families.unsigned import wide
from lissom.ir.op import Op
from lissom.ir.samples import literal, value, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class Pow(Op):
    """z = x ** y, element by element with numpy-style broadcasting; of x's dtype, whatever y's is."""

    x: Value
    y: Value

    def infer(self) -> TensorType:
        return TensorType(self.x.type.dtype, broadcast_shapes(self, self.x, self.y))

    def run(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if not x.dtype.is_floating_point and y.dtype.is_floating_point:
            x = x.to(torch.float64)  # as C's pow has it
        return wide(torch.pow, self.type.dtype, x, y).to(self.type.dtype.torch)

    def channels(self, flow: Flow) -> Layout:
        return flow.unify(self, *self.operands)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", symbol("N"), 3, 4, low=0.1, high=3.0)
        yield Pow(x, value("y", 3, 1))
        yield Pow(x, literal("y", 2.0, DType.float32))
        yield Pow(value("x", 2, 5), literal("y", [0, 1, 2, 3, -1]))
        yield Pow(value("x", 2, 5, dtype=DType.int32, low=-4), literal("y", [0, 1, 2, 3, 4], DType.int32))
        yield Pow(value("x", 5, dtype=DType.int64), literal("y", [0, 1, 2, 0.5, 3], DType.float32))
        yield Pow(weight("x", 5, low=0.1, dtype=DType.float16), literal("y", 3.0, DType.float16))
