from __future__ import annotations

import torch

from lissom.ir.families.comparison import Comparison, equal
from lissom.ir.families.elementwise import fold_binary
from lissom.ir.families.unsigned import wide
from lissom.ir.types import Array, DType


class Equal(Comparison):
    """c = a == b; NaN equals nothing."""

    def run(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return wide(torch.eq, DType.bool, a, b)

    def fold_contents(self) -> Array | None:
        return fold_binary(equal, self.a, self.b)
