from __future__ import annotations

import operator

import torch

from lissom.ir.families.elementwise import Binary, fold_binary
from lissom.ir.families.unsigned import wide
from lissom.ir.types import Array


class Sub(Binary):
    """c = a - b; integers wrap around."""

    def run(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return wide(torch.sub, self.type.dtype, a, b)

    def fold_contents(self) -> Array | None:
        return fold_binary(operator.sub, self.a, self.b)
