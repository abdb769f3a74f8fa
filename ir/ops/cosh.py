from __future__ import annotations

import torch

from lissom.ir.families.elementwise import FloatUnary


class Cosh(FloatUnary):
    """y = cosh(x)."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cosh(x)
