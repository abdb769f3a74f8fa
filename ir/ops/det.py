from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.dims import symbol
from lissom.ir.families.pooling import widened
from lissom.ir.op import Op
from lissom.ir.samples import value
from lissom.ir.types import TensorType
from lissom.ir.values import Value


class Det(Op):
    """The determinants of the square matrices in the last two axes."""

    x: Value

    def infer(self) -> TensorType:
        x = self.x.type
        self.require(x.rank >= 2, "x of rank 2 or more", x)
        rows, columns = x.dims[-2:]
        self.require(rows == columns or not (isinstance(rows, int) and isinstance(columns, int)), "square matrices", x)
        return TensorType(x.dtype, x.dims[:-2])

    def run(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = torch.linalg.det(widened(x))
        return y.to(x.dtype)

    @staticmethod
    def samples() -> Iterable[Op]:
        yield Det(value("x", 3, 3))
        yield Det(value("x", symbol("N"), 2, 2, 2))
        yield Det(value("x", 2, 1, 1))
