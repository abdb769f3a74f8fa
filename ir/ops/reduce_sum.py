from __future__ import annotations

from typing import ClassVar

import torch

from lissom.ir.families.reduction import Reduction, fold_reduction
from lissom.ir.types import Array


class ReduceSum(Reduction):
    """y = the sum along ``axes``; integers wrap around."""

    adds: ClassVar[bool] = True

    def reduce(self, data: torch.Tensor, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
        return data.sum(axes, keepdim=keepdims)

    def fold_contents(self) -> Array | None:
        return fold_reduction(self, sum)
