from __future__ import annotations

import torch

from lissom.ir.reduction import Reduction


class ReduceSumSquare(Reduction):
    """y = the sum of x**2 along ``axes``."""

    def reduce(self, data: torch.Tensor, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
        return data.square().sum(axes, keepdim=keepdims)
