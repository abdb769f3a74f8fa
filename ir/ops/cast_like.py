from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families import casting
from lissom.ir.families.casting import RoundMode
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Value


class CastLike(Op):
    """y = x as elements of target_type's type, as by Cast."""

    x: Value
    target_type: Value
    saturate: bool = True
    round_mode: RoundMode = "up"

    def infer(self) -> TensorType:
        return TensorType(self.target_type.type.dtype, self.x.type.shape)

    def run(self, x: torch.Tensor, target_type: torch.Tensor) -> torch.Tensor:
        return casting.cast(x, self.x.type.dtype, self.type.dtype, self.saturate, self.round_mode)

    def fold_contents(self) -> Array | None:
        return self.x.contents if self.target_type.type.dtype in (DType.int32, DType.int64) else None

    def channels(self, flow: Flow) -> Layout:
        return flow.of(self.x)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", symbol("N"), 3, 4)
        yield CastLike(x, literal("like", 0, DType.int32))
        yield CastLike(x, value("like", 2, dtype=DType.float64))
        yield CastLike(value("x", 9, dtype=DType.int64, low=-300, high=300), literal("like", [], DType.int8))
