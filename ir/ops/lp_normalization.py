from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch

from lissom.ir.families.along_axis import AlongAxis
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType


class LpNormalization(AlongAxis):
    """y = x / (p-norm of x along ``axis``); 0 where the norm is 0."""

    p: Literal[1, 2] = 2

    def run(self, x: torch.Tensor) -> torch.Tensor:
        norm = torch.linalg.vector_norm(x, self.p, self.axis, keepdim=True)
        return x / torch.where(norm == 0, 1.0, norm)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        yield from super().samples()
        yield cls(value("x", 2, 3, 4), axis=1, p=1)
        yield cls(literal("x", [[0, 0, 0], [3, 0, 4]], DType.float32))
