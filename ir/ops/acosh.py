from __future__ import annotations

from typing import ClassVar

import torch

from lissom.ir.families.elementwise import FloatUnary


class Acosh(FloatUnary):
    """y = acosh(x), for x >= 1; NaN elsewhere."""

    interval: ClassVar[tuple[float, float]] = (1.1, 6.0)

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.acosh(x)
