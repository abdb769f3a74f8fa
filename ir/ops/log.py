from __future__ import annotations

from typing import ClassVar

import torch

from lissom.ir.families.elementwise import FloatUnary


class Log(FloatUnary):
    """y = ln(x); -inf for 0, NaN for x < 0."""

    interval: ClassVar[tuple[float, float]] = (0.1, 9.0)

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.log(x)
