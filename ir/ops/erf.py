from __future__ import annotations

import torch

from lissom.ir.families.elementwise import FloatUnary


class Erf(FloatUnary):
    """y = 2 / sqrt(pi) * the integral of exp(-t**2) for t from 0 to x."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.erf(x)
