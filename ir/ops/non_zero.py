from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.dims import symbol
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Value


class NonZero(Op):
    """y[:, j] = where the j-th nonzero element of x stands, in row-major order; int64, one row for each axis of x."""

    x: Value

    def infer(self) -> TensorType:
        return TensorType(DType.int64, (self.x.type.rank, unknown_size(self, 1)))

    def run(self, x: torch.Tensor) -> torch.Tensor:
        if x.ndim == 0:
            return torch.zeros(0, int(x != 0), dtype=torch.int64)
        return (x != 0).nonzero().t()

    @staticmethod
    def samples() -> Iterable[Op]:
        yield NonZero(literal("x", [[1.0, 0.0], [-2.0, 3.0]], DType.float32))
        yield NonZero(value("x", 3, 4, 2, dtype=DType.bool))
        yield NonZero(value("x", symbol("N"), 5, dtype=DType.int32))
        yield NonZero(literal("x", [0, 0]))
