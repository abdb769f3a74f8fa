from __future__ import annotations

import torch

from lissom.ir.families.elementwise import FloatUnary


class Cos(FloatUnary):
    """y = cos(x)."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cos(x)
