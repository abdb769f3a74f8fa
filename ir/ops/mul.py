from __future__ import annotations

import operator

import torch

from lissom.ir.families.elementwise import Binary, fold_binary
from lissom.ir.families.unsigned import wide
from lissom.ir.types import Array


class Mul(Binary):
    """c = a * b; integers wrap around."""

    def run(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return wide(torch.mul, self.type.dtype, a, b)

    def fold_contents(self) -> Array | None:
        return fold_binary(operator.mul, self.a, self.b)
