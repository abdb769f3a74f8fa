from __future__ import annotations

import operator

import numpy as np
import torch

from lissom.ir.families.elementwise import Unary
from lissom.ir.types import Array


class Neg(Unary):
    """y = -x; the most negative integer stays itself."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.neg(x)

    def fold_contents(self) -> Array | None:
        known = self.x.contents
        return None if known is None else np.asarray(np.frompyfunc(operator.neg, 1, 1)(known), dtype=object)
