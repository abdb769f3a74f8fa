from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.dims import symbol
from lissom.ir.families.pooling import GlobalPool
from lissom.ir.op import Op
from lissom.ir.samples import value


class GlobalAveragePool(GlobalPool):
    """y[n,c] = mean over all spatial axes of x[n,c]; the axes stay, with size 1."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(self.spatial, keepdim=True) if self.spatial else x

    @staticmethod
    def samples() -> Iterable[Op]:
        yield GlobalAveragePool(value("x", 2, 3, 4, 5))
        yield GlobalAveragePool(value("x", symbol("N"), 3, symbol("L")))
        yield GlobalAveragePool(value("x", 1, 2, 3, 2, 4))
