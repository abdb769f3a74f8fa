from __future__ import annotations

from typing import ClassVar

import torch

from lissom.ir.families.elementwise import FloatUnary


class Tan(FloatUnary):
    """y = tan(x)."""

    interval: ClassVar[tuple[float, float]] = (-1.4, 1.4)

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tan(x)
