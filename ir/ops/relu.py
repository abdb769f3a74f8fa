from __future__ import annotations

import torch

from lissom.ir.families.elementwise import Unary


class Relu(Unary):
    """y = max(x, 0)."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x)
