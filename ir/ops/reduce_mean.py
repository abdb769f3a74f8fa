from __future__ import annotations

from typing import ClassVar

import torch

from lissom.ir.families.reduction import Reduction


class ReduceMean(Reduction):
    """y = the mean along ``axes``; for integers truncated toward zero."""

    whole: ClassVar[bool] = False

    def reduce(self, data: torch.Tensor, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
        return data.mean(axes, keepdim=keepdims)
