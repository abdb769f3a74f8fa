from __future__ import annotations

import torch

from lissom.ir.families.elementwise import FloatUnary


class Tanh(FloatUnary):
    """y = tanh(x)."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x)
