from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F

from lissom.ir.families.elementwise import FloatUnary


class HardSwish(FloatUnary):
    """y = x * max(0, min(1, x / 6 + 1 / 2))."""

    interval: ClassVar[tuple[float, float]] = (-4.0, 4.0)

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return F.hardswish(x)
