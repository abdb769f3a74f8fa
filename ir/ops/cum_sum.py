from __future__ import annotations

from typing import ClassVar

import torch

from lissom.ir.families.cumulative import Cumulative


class CumSum(Cumulative):
    """y[i] = the sum of x[0] to x[i] along ``axis``."""

    neutral: ClassVar[int] = 0

    def accumulate(self, x: torch.Tensor, axis: int) -> torch.Tensor:
        return x.cumsum(axis, dtype=x.dtype)
