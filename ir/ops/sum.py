from __future__ import annotations

from functools import reduce

import torch

from lissom.ir.families.variadic import Variadic


class Sum(Variadic):
    """y = inputs[0] + inputs[1] + ..., from left to right."""

    def run(self, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return reduce(torch.add, inputs)
