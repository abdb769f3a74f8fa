from __future__ import annotations

from typing import ClassVar

import torch

from lissom.ir.families.elementwise import FloatUnary


class Sqrt(FloatUnary):
    """y = x ** (1/2); NaN for x < 0."""

    interval: ClassVar[tuple[float, float]] = (0.1, 9.0)

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sqrt(x)
