from __future__ import annotations

import torch

from lissom.ir.families.bitwise import Bitwise
from lissom.ir.families.unsigned import wide


class BitwiseOr(Bitwise):
    """c = a or b, bit by bit."""

    def run(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return wide(torch.bitwise_or, self.type.dtype, a, b)
