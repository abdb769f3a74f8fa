from __future__ import annotations

import torch

from lissom.ir.reduction import Reduction, real


class ReduceLogSumExp(Reduction):
    """y = ln(the sum of exp(x) along ``axes``)."""

    def reduce(self, data: torch.Tensor, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
        return torch.logsumexp(real(data), axes, keepdim=keepdims)
