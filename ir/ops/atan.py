from __future__ import annotations

import torch

from lissom.ir.families.elementwise import FloatUnary


class Atan(FloatUnary):
    """y = atan(x)."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.atan(x)
