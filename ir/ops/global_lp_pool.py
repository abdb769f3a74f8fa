from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.dims import symbol
from lissom.ir.families.pooling import GlobalPool, widened
from lissom.ir.op import Op
from lissom.ir.samples import value


class GlobalLpPool(GlobalPool):
    """y[n,c] = (sum over all spatial axes of |x[n,c]|^p)^(1/p); the axes stay, with size 1."""

    p: int = 2

    def run(self, x: torch.Tensor) -> torch.Tensor:
        powers = widened(x).abs() ** self.p
        total = powers.sum(self.spatial, keepdim=True) if self.spatial else powers
        return total.pow(1.0 / self.p).to(x.dtype)

    @staticmethod
    def samples() -> Iterable[Op]:
        yield GlobalLpPool(value("x", 2, 3, 4, 5))
        yield GlobalLpPool(value("x", symbol("N"), 3, symbol("L")), p=1)
        yield GlobalLpPool(value("x", 1, 2, 3, 2, 4), p=3)
