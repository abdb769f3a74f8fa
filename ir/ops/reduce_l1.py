from __future__ import annotations

from typing import ClassVar

import torch

from lissom.ir.families.reduction import Reduction


class ReduceL1(Reduction):
    """y = the sum of |x| along ``axes``."""

    adds: ClassVar[bool] = True

    def reduce(self, data: torch.Tensor, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
        signed = self.type.dtype.torch.is_signed  # a large uint64 is negative here, and must stay
        return (data.abs() if signed else data).sum(axes, keepdim=keepdims)
