from __future__ import annotations

import torch

from lissom.ir.reduction import Reduction, real


class ReduceLogSum(Reduction):
    """y = ln(the sum along ``axes``)."""

    def reduce(self, data: torch.Tensor, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
        return real(data).sum(axes, keepdim=keepdims).log()
