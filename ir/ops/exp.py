from __future__ import annotations

import torch

from lissom.ir.families.elementwise import FloatUnary


class Exp(FloatUnary):
    """y = e ** x."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.exp(x)
