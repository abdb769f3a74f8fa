from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.broadcasting import broadcast_shapes
from lissom.ir.op import Op
from lissom.ir.samples import literal, value, weight
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Const, Value


class Where(Op):
    """z = x where condition, else y, element by element with numpy-style broadcasting; x, y and z of one dtype."""

    condition: Value
    x: Value
    y: Value

    def infer(self) -> TensorType:
        self.require(self.condition.type.dtype is DType.bool, "a bool condition", self.condition.type)
        self.require(self.x.type.dtype is self.y.type.dtype, "x and y of one dtype", (self.x.type, self.y.type))
        return TensorType(self.x.type.dtype, broadcast_shapes(self, self.condition, self.x, self.y))

    def run(self, condition: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.where(condition, x, y)

    def fold_contents(self) -> Array | None:
        condition = self.condition.data if isinstance(self.condition, Const) else self.condition.contents
        x, y = self.x.contents, self.y.contents
        if condition is None or x is None or y is None:
            return None
        return np.where(np.asarray(condition, dtype=bool), x, y)

    def channels(self, flow: Flow) -> Layout:
        return flow.unify(self, *self.operands)

    @staticmethod
    def samples() -> Iterable[Op]:
        condition = value("condition", 3, 4, dtype=DType.bool)
        yield Where(condition, value("x", 2, 3, 4), value("y", 4))
        yield Where(value("condition", symbol("N"), 1, 4, dtype=DType.bool), weight("x", 3, 4), value("y"))
        yield Where(condition, value("x", 3, 4, dtype=DType.int64), literal("y", -1))
        yield Where(condition, value("x", 3, 4, dtype=DType.uint16), value("y", 3, 1, dtype=DType.uint16))
        yield Where(literal("condition", [True, False], DType.bool), literal("x", [7, 8]), literal("y", [1, 1]))
