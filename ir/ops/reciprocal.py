from __future__ import annotations

from typing import ClassVar

import torch

from lissom.ir.families.elementwise import FloatUnary


class Reciprocal(FloatUnary):
    """y = 1 / x."""

    interval: ClassVar[tuple[float, float]] = (0.2, 4.0)

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.reciprocal(x)
