from __future__ import annotations

import torch

from lissom.ir.families.elementwise import FloatUnary


class Sinh(FloatUnary):
    """y = sinh(x)."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sinh(x)
