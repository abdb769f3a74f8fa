from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.dims import symbol
from lissom.ir.families.elementwise import Unary
from lissom.ir.op import Op
from lissom.ir.samples import value
from lissom.ir.types import DType, TensorType


class Not(Unary):
    """y = not x, for bools."""

    def infer(self) -> TensorType:
        self.require(self.x.type.dtype is DType.bool, "bools", self.x.type)
        return self.x.type

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.logical_not(x)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        yield cls(value("x", symbol("N"), 3, 4, dtype=DType.bool))
        yield cls(value("x", dtype=DType.bool))
        yield cls(value("x", 0, dtype=DType.bool))
