from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.families.elementwise import Unary
from lissom.ir.op import Op
from lissom.ir.samples import value
from lissom.ir.types import DType


class Shrink(Unary):
    """y = x + bias for x < -lambd, x - bias for x > lambd, 0 between; integers by way of float64, truncated."""

    bias: float = 0.0
    lambd: float = 0.5

    def run(self, x: torch.Tensor) -> torch.Tensor:
        v = x if x.dtype.is_floating_point else x.to(torch.float64)
        y = torch.where(v < -self.lambd, v + self.bias, torch.where(v > self.lambd, v - self.bias, 0.0))
        return y.to(x.dtype)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        yield from super().samples()
        yield cls(value("x", 2, 9), lambd=1.5, bias=1.5)
        yield cls(value("x", 20, dtype=DType.int8, low=-9), lambd=1.5, bias=1.0)
