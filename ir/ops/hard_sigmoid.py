from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.families.elementwise import FloatUnary
from lissom.ir.op import Op
from lissom.ir.samples import value


class HardSigmoid(FloatUnary):
    """y = max(0, min(1, alpha * x + beta))."""

    alpha: float = 0.2
    beta: float = 0.5

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.clamp(self.alpha * x + self.beta, 0.0, 1.0)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        yield from super().samples()
        yield cls(value("x", 2, 9), alpha=0.7, beta=0.4)
        yield cls(value("x", 2, 9), alpha=1 / 6)
