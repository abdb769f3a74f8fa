from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
import torch.nn.functional as F

from lissom.ir.families.elementwise import FloatUnary
from lissom.ir.op import Op
from lissom.ir.samples import value


class Gelu(FloatUnary):
    """y = x * P(X <= x) for X of the standard normal distribution.

    With ``approximate="tanh"``: y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))).
    """

    approximate: Literal["none", "tanh"] = "none"

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return F.gelu(x, approximate=self.approximate)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        yield from super().samples()
        yield cls(value("x", 2, 9), approximate="tanh")
