from __future__ import annotations

import torch

from lissom.ir.reduction import Reduction


class ReduceL1(Reduction):
    """y = the sum of |x| along ``axes``."""

    def reduce(self, data: torch.Tensor, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
        return data.abs().sum(axes, keepdim=keepdims)
