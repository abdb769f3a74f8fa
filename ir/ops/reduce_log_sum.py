from __future__ import annotations

from typing import ClassVar

import torch

from lissom.ir.families.reduction import Reduction
from lissom.ir.types import DType


class ReduceLogSum(Reduction):
    """y = ln(the sum along ``axes``)."""

    sample_dtypes: ClassVar[tuple[DType, ...]] = (DType.float16, DType.float64)

    def reduce(self, data: torch.Tensor, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
        return data.sum(axes, keepdim=keepdims).log()
