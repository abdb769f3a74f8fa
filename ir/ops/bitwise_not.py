from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.dims import symbol
from lissom.ir.families.elementwise import Unary
from lissom.ir.families.unsigned import wide
from lissom.ir.op import Op
from lissom.ir.samples import value
from lissom.ir.types import DType, TensorType


class BitwiseNot(Unary):
    """y = x with every bit turned over."""

    def infer(self) -> TensorType:
        self.require(self.x.type.dtype.is_integer, "integers", self.x.type)
        return self.x.type

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return wide(torch.bitwise_not, self.type.dtype, x)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        yield cls(value("x", symbol("N"), 9, dtype=DType.int32, low=-99, high=99))
        yield cls(value("x", 9, dtype=DType.uint8, high=256))
        yield cls(value("x", 9, dtype=DType.uint16, high=1 << 16))
