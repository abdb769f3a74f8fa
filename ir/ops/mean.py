from __future__ import annotations

from functools import reduce

import torch

from lissom.ir.families.variadic import Variadic


class Mean(Variadic):
    """y = (inputs[0] + inputs[1] + ...) / len(inputs)."""

    def run(self, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return reduce(torch.add, inputs) / len(inputs)
