from __future__ import annotations

import torch

from lissom.ir.families.comparison import Logical


class And(Logical):
    """c = a and b, for bools."""

    def run(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.logical_and(a, b)
