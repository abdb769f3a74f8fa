from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import torch

from lissom.ir.families.unsigned import ordered
from lissom.ir.families.variadic import Variadic
from lissom.ir.op import Op
from lissom.ir.samples import value
from lissom.ir.types import DType


class Min(Variadic):
    """y = the smallest of the inputs; NaN where one of them is."""

    def run(self, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return reduce(lambda a, b: ordered(torch.minimum, self.type.dtype, a, b), inputs)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        yield from super().samples()
        a = value("a", 9, dtype=DType.uint64, high=1 << 63)
        yield cls((a, value("b", 9, dtype=DType.uint64, high=1 << 63)))
