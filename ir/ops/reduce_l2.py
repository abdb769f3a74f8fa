from __future__ import annotations

import torch

from lissom.ir.reduction import Reduction, real


class ReduceL2(Reduction):
    """y = the square root of the sum of x**2 along ``axes``."""

    def reduce(self, data: torch.Tensor, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
        norm: torch.Tensor = torch.linalg.vector_norm(real(data), 2, axes, keepdim=keepdims)
        return norm
