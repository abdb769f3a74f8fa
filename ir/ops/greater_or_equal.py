from __future__ import annotations

import torch

from lissom.ir.families.comparison import Comparison, at_most
from lissom.ir.families.elementwise import fold_binary
from lissom.ir.families.unsigned import ordered
from lissom.ir.types import Array, DType


class GreaterOrEqual(Comparison):
    """c = a >= b."""

    def run(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return ordered(torch.ge, DType.bool, a, b)

    def fold_contents(self) -> Array | None:
        return fold_binary(lambda a, b: at_most(b, a), self.a, self.b)
