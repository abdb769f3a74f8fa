from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.dims import symbol
from lissom.ir.families.pooling import GlobalPool
from lissom.ir.op import Op
from lissom.ir.samples import value


class GlobalMaxPool(GlobalPool):
    """y[n,c] = max over all spatial axes of x[n,c]; the axes stay, with size 1."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return x.amax(self.spatial, keepdim=True) if self.spatial else x

    @staticmethod
    def samples() -> Iterable[Op]:
        yield GlobalMaxPool(value("x", 2, 3, 4, 5))
        yield GlobalMaxPool(value("x", symbol("N"), 3, symbol("L")))
        yield GlobalMaxPool(value("x", 1, 2, 3, 2, 4))
