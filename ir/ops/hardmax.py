from __future__ import annotations

import torch

from lissom.ir.families.along_axis import AlongAxis


class Hardmax(AlongAxis):
    """y = 1 at the first maximum along ``axis``, 0 elsewhere."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(x).scatter(self.axis, x.argmax(self.axis, keepdim=True), 1.0)
