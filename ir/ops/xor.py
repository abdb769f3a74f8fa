from __future__ import annotations

import torch

from lissom.ir.families.comparison import Logical


class Xor(Logical):
    """c = a xor b, for bools."""

    def run(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.logical_xor(a, b)
