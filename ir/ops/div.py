from __future__ import annotations

import torch

from lissom.ir.dims import Dim, floordiv
from lissom.ir.families.comparison import never_negative
from lissom.ir.families.elementwise import Binary, fold_binary
from lissom.ir.families.unsigned import divide
from lissom.ir.types import Array


class Div(Binary):
    """c = a / b; for integers the quotient truncated toward zero."""

    def run(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.div(a, b) if a.dtype.is_floating_point else divide(a, b)

    def fold_contents(self) -> Array | None:
        return fold_binary(_quotient, self.a, self.b)


def _quotient(a: Dim, b: Dim) -> Dim | None:
    """Truncation is floor for what is never negative, minus the floor of the opposite for what never is positive."""
    if b == 0 or not never_negative(b):
        return None
    if never_negative(-a):
        return -floordiv(-a, b)
    return floordiv(a, b)  # a size, or the difference of two with one side known to be the larger
