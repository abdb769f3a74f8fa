from __future__ import annotations

import torch

from lissom.ir.families.elementwise import FloatUnary


class Asinh(FloatUnary):
    """y = asinh(x)."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.asinh(x)
