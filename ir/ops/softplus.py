from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F

from lissom.ir.families.elementwise import FloatUnary
from lissom.ir.op import Op
from lissom.ir.samples import value


class Softplus(FloatUnary):
    """y = ln(1 + exp(x))."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        # Above the threshold PyTorch answers x. At 40 that is exact in float64, and exp(40) is finite in float32.
        return F.softplus(x, 1.0, 40.0)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        yield from super().samples()
        yield cls(value("x", 2, 9, low=-120, high=120))
