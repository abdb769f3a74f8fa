from __future__ import annotations

import torch

from lissom.ir.dims import product
from lissom.ir.families.reduction import Reduction, fold_reduction
from lissom.ir.types import Array


class ReduceProd(Reduction):
    """y = the product along ``axes``; integers wrap around."""

    def reduce(self, data: torch.Tensor, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
        for axis in reversed(axes):
            data = data.prod(axis, keepdim=keepdims)
        return data

    def fold_contents(self) -> Array | None:
        return fold_reduction(self, product)
