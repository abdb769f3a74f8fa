from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.channels.kept import Kept
from lissom.ir.dims import symbol
from lissom.ir.families.broadcasting import broadcast_shapes
from lissom.ir.op import Op
from lissom.ir.ops.where import Where
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Const, Value


class Mask(Op):
    """y = x where ``keep``, else 0; keep is bool and broadcasts to x. The decision to remove channels, shapes kept."""

    domain = "lissom"

    x: Value
    keep: Value

    def infer(self) -> TensorType:
        self.require(self.keep.type.dtype is DType.bool, "a bool mask", self.keep.type)
        fits = broadcast_shapes(self, self.x, self.keep) == self.x.type.dims
        self.require(fits, f"a mask that broadcasts to {self.x.type}", self.keep.type)
        return self.x.type

    def run(self, x: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
        return torch.where(keep, x, torch.zeros((), dtype=x.dtype))

    def as_qdq(self) -> Value:
        """The mask as Where, for tools that do not know it."""
        zero = Const(np.zeros((), self.x.type.dtype.numpy))
        return Where(self.keep, self.x, zero)

    def channels(self, flow: Flow) -> Layout:
        return flow.of(self.x)

    def resized(self, operands: Mapping[Value, Value], kept: Kept) -> Op:
        if not isinstance(self.keep, Const):
            return self._on(operands)
        keep = self.keep.data.reshape((1,) * (self.x.type.rank - self.keep.type.rank) + self.keep.data.shape)
        return self._on({**operands, self.keep: Const(kept.compact(self.x, keep), self.keep.name)})

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", symbol("N"), 3, 4)
        yield Mask(x, literal("keep", [[True], [False], [True]], DType.bool))
        yield Mask(x, literal("keep", [True, False, False, True], DType.bool))
        yield Mask(value("x", 2, 5), literal("keep", True, DType.bool))
