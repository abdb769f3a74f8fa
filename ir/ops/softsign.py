from __future__ import annotations

import torch
import torch.nn.functional as F

from lissom.ir.families.elementwise import FloatUnary


class Softsign(FloatUnary):
    """y = x / (1 + |x|)."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return F.softsign(x)
