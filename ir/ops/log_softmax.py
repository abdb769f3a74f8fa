from __future__ import annotations

import torch

from lissom.ir.families.along_axis import AlongAxis


class LogSoftmax(AlongAxis):
    """y = x - ln(sum of exp(x) along ``axis``)."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.log_softmax(x, self.axis)
