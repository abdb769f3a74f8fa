from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.families.elementwise import FloatUnary
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType


class Round(FloatUnary):
    """y = the whole number next to x; of two equally near, the even one."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.round(x)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        yield cls(value("x", 2, 3, 4))
        yield cls(literal("x", [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999997], DType.float32))
        yield cls(literal("x", [-2.5, 0.5, 1.5, 2.5], DType.float16))
