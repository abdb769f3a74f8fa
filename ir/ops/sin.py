from __future__ import annotations

import torch

from lissom.ir.families.elementwise import FloatUnary


class Sin(FloatUnary):
    """y = sin(x)."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(x)
