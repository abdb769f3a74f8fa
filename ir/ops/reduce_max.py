from __future__ import annotations

from typing import ClassVar

import torch

from lissom.ir.families.reduction import Extremum


class ReduceMax(Extremum):
    """y = the largest along ``axes``; of no elements -inf, or the least integer."""

    worst: ClassVar[float] = float("-inf")

    def best(self, data: torch.Tensor, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
        return data.amax(axes, keepdim=keepdims)
