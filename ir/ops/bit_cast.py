from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.dims import symbol
from lissom.ir.families.casting import bit_cast
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class BitCast(Op):
    """y = the bits of x read as elements of type ``to``, which are as wide."""

    x: Value
    to: DType

    def infer(self) -> TensorType:
        self.require(self.to.bits == self.x.type.dtype.bits > 0, f"a type of {self.x.type.dtype.bits} bits", self.to)
        return TensorType(self.to, self.x.type.shape)

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return bit_cast(x, self.x.type.dtype, self.to)

    @staticmethod
    def samples() -> Iterable[Op]:
        yield BitCast(value("x", symbol("N"), 3), DType.int32)
        yield BitCast(value("x", dtype=DType.int64, low=-9), DType.float64)
        yield BitCast(value("x", 9, dtype=DType.bool), DType.uint8)
        yield BitCast(literal("x", [-8, -1, 0, 7], DType.int4), DType.uint4)
