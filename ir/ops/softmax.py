from __future__ import annotations

import torch

from lissom.ir.families.along_axis import AlongAxis


class Softmax(AlongAxis):
    """y = exp(x) / (sum of exp(x) along ``axis``)."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(x, self.axis)
