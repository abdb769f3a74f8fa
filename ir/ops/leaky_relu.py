from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F

from lissom.ir.families.elementwise import FloatUnary
from lissom.ir.op import Op
from lissom.ir.samples import value


class LeakyRelu(FloatUnary):
    """y = x for x >= 0, alpha * x below."""

    alpha: float = 0.01

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return F.leaky_relu(x, self.alpha)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        yield from super().samples()
        yield cls(value("x", 2, 9), alpha=0.7)
        yield cls(value("x", 2, 9), alpha=-0.1)
