from __future__ import annotations

import torch

from lissom.ir.families.elementwise import FloatUnary


class Floor(FloatUnary):
    """y = the largest whole number not above x."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.floor(x)
