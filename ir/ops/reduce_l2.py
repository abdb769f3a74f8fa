from __future__ import annotations

from typing import ClassVar

import torch

from lissom.ir.families.reduction import Reduction


class ReduceL2(Reduction):
    """y = the square root of the sum of x**2 along ``axes``."""

    adds: ClassVar[bool] = True
    whole: ClassVar[bool] = False

    def reduce(self, data: torch.Tensor, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
        norm: torch.Tensor = torch.linalg.vector_norm(data, 2, axes, keepdim=keepdims)
        return norm
