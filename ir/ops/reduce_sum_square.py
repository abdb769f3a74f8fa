from __future__ import annotations

from typing import ClassVar

import torch

from lissom.ir.families.reduction import Reduction


class ReduceSumSquare(Reduction):
    """y = the sum of x**2 along ``axes``."""

    adds: ClassVar[bool] = True

    def reduce(self, data: torch.Tensor, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
        return data.square().sum(axes, keepdim=keepdims)
