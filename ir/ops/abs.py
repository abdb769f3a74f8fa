from __future__ import annotations

import torch

from lissom.ir.families.elementwise import Unary


class Abs(Unary):
    """y = |x|; the most negative integer stays itself."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.abs(x) if x.dtype.is_signed else x
