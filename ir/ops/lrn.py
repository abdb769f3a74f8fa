from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.pooling import widened
from lissom.ir.op import Op
from lissom.ir.samples import value
from lissom.ir.types import TensorType
from lissom.ir.values import Value


class LRN(Op):
    """y[n,c] = x[n,c] / (bias + alpha / size * sum of x[n,d]^2)^beta, d over ``size`` channels around c.

    The window is ``c - (size-1)//2 <= d <= c + size//2``. Krizhevsky et al., ImageNet Classification, 2012.
    """

    x: Value
    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    bias: float = 1.0

    def infer(self) -> TensorType:
        self.require(self.x.type.rank >= 2, "x of rank 2 or more", self.x.type)
        return self.x.type

    def run(self, x: torch.Tensor) -> torch.Tensor:
        wide = widened(x)
        squares = F.pad((wide * wide).movedim(1, -1), ((self.size - 1) // 2, self.size // 2))
        sums = squares.unfold(-1, self.size, 1).sum(-1).movedim(-1, 1)
        return (wide / (self.bias + self.alpha / self.size * sums) ** self.beta).to(x.dtype)

    def channels(self, flow: Flow) -> Layout:
        flow.statistic(self, self.x, [1])
        return flow.of(self.x)

    @staticmethod
    def samples() -> Iterable[Op]:
        yield LRN(value("x", 2, 5, 3, 4), 3, alpha=0.5)
        yield LRN(value("x", symbol("N"), 5, symbol("L")), 4, alpha=0.2, beta=0.5, bias=2.0)
        yield LRN(value("x", 2, 3, 4, 2), 7)
