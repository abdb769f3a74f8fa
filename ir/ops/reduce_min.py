from __future__ import annotations

from typing import ClassVar

import torch

from lissom.ir.families.reduction import Extremum


class ReduceMin(Extremum):
    """y = the smallest along ``axes``; of no elements inf, or the greatest integer."""

    worst: ClassVar[float] = float("inf")

    def best(self, data: torch.Tensor, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
        return data.amin(axes, keepdim=keepdims)
