from __future__ import annotations

import torch

from lissom.ir.reduction import Reduction, real


class ReduceMean(Reduction):
    """y = the mean along ``axes``; for integers truncated toward zero."""

    def reduce(self, data: torch.Tensor, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
        return real(data).mean(axes, keepdim=keepdims)
