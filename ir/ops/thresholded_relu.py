from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.families.elementwise import FloatUnary
from lissom.ir.op import Op
from lissom.ir.samples import value


class ThresholdedRelu(FloatUnary):
    """y = x for x > alpha, 0 elsewhere."""

    alpha: float = 1.0

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.where(x > self.alpha, x, 0.0)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        yield from super().samples()
        yield cls(value("x", 2, 9), alpha=0.7)
        yield cls(value("x", 2, 9), alpha=0.0)
