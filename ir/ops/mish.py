from __future__ import annotations

import torch
import torch.nn.functional as F

from lissom.ir.families.elementwise import FloatUnary


class Mish(FloatUnary):
    """y = x * tanh(ln(1 + exp(x)))."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return F.mish(x)
