from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.families.elementwise import Unary
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import Array, DType


class Identity(Unary):
    """y = x."""

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def fold_contents(self) -> Array | None:
        return self.x.contents

    @classmethod
    def samples(cls) -> Iterable[Op]:
        yield from super().samples()
        yield cls(literal("x", [1, 2, 3]))
        yield cls(value("x", 3, dtype=DType.bool))
