from __future__ import annotations

from typing import ClassVar

import torch

from lissom.ir.families.cumulative import Cumulative


class CumProd(Cumulative):
    """y[i] = the product of x[0] to x[i] along ``axis``."""

    neutral: ClassVar[int] = 1

    def accumulate(self, x: torch.Tensor, axis: int) -> torch.Tensor:
        return x.cumprod(axis, dtype=x.dtype)
