from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.dims import symbol
from lissom.ir.op import Op
from lissom.ir.samples import value
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class EyeLike(Op):
    """y[i, i + k] = 1, else 0: a matrix of the shape of x, of type ``dtype`` (default: that of x)."""

    x: Value
    dtype: DType | None = None
    k: int = 0

    def infer(self) -> TensorType:
        self.require(self.x.type.rank == 2, "a matrix", self.x.type)
        return TensorType(self.dtype or self.x.type.dtype, self.x.type.shape)

    def run(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = torch.arange(x.shape[0]).unsqueeze(1), torch.arange(x.shape[1])
        return (columns - rows == self.k).to(self.type.dtype.torch)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 3, 4)
        yield EyeLike(x)
        yield EyeLike(x, k=1, dtype=DType.int32)
        yield EyeLike(x, k=-2)
        yield EyeLike(value("x", symbol("N"), 3, dtype=DType.int64), dtype=DType.float64)
