from __future__ import annotations

import torch

from lissom.ir.elementwise import FloatUnary


class Asinh(FloatUnary):
    """y = asinh(x)."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.asinh(x)
