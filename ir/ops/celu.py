from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F

from lissom.ir.families.elementwise import FloatUnary
from lissom.ir.op import Op
from lissom.ir.samples import value


class Celu(FloatUnary):
    """y = max(0, x) + min(0, alpha * (exp(x / alpha) - 1))."""

    alpha: float = 1.0

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return F.celu(x, self.alpha)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        yield from super().samples()
        yield cls(value("x", 2, 9), alpha=0.7)
        yield cls(value("x", 2, 9), alpha=2.0)
