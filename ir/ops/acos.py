from __future__ import annotations

from typing import ClassVar

import torch

from lissom.ir.families.elementwise import FloatUnary


class Acos(FloatUnary):
    """y = acos(x), for x in [-1, 1]; NaN elsewhere."""

    interval: ClassVar[tuple[float, float]] = (-0.95, 0.95)

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.acos(x)
