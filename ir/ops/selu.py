from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.families.elementwise import FloatUnary
from lissom.ir.op import Op
from lissom.ir.samples import value


class Selu(FloatUnary):
    """y = gamma * x for x > 0, gamma * alpha * (exp(x) - 1) elsewhere."""

    alpha: float = 1.6732631921768188
    gamma: float = 1.0507010221481323

    def run(self, x: torch.Tensor) -> torch.Tensor:
        # The branch not taken must stay finite, or its gradient would be 0 * inf.
        return self.gamma * torch.where(x > 0, x, self.alpha * torch.expm1(x.clamp(max=0)))

    @classmethod
    def samples(cls) -> Iterable[Op]:
        yield from super().samples()
        yield cls(value("x", 2, 9), alpha=2.0, gamma=3.0)
        yield cls(value("x", 2, 9, low=-200, high=200))
