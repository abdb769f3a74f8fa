from __future__ import annotations

import torch

from lissom.ir.comparison import Comparison, equal
from lissom.ir.elementwise import fold_binary
from lissom.ir.types import Array, DType
from lissom.ir.unsigned import wide


class Equal(Comparison):
    """c = a == b; NaN equals nothing."""

    def run(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return wide(torch.eq, DType.bool, a, b)

    def fold_contents(self) -> Array | None:
        return fold_binary(equal, self.a, self.b)
