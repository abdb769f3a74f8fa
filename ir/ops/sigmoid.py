from __future__ import annotations

import torch

from lissom.ir.families.elementwise import FloatUnary


class Sigmoid(FloatUnary):
    """y = 1 / (1 + exp(-x))."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(x)
