from __future__ import annotations

import torch

from lissom.ir.families.elementwise import FloatUnary


class Ceil(FloatUnary):
    """y = the smallest whole number not below x."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ceil(x)
