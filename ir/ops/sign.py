from __future__ import annotations

import torch

from lissom.ir.families.elementwise import Unary
from lissom.ir.families.unsigned import wide


class Sign(Unary):
    """y = -1, 0 or 1, as x is negative, zero or positive; NaN stays NaN."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        if x.dtype.is_floating_point:
            return torch.where(x.isnan(), x, torch.sign(x))
        return wide(lambda v: torch.sign(v) if x.dtype.is_signed else (v != 0).to(v.dtype), self.type.dtype, x)
