from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.dims import symbol
from lissom.ir.matmul import inner_size, product_shape
from lissom.ir.op import Op
from lissom.ir.samples import value, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.unsigned import wide
from lissom.ir.values import Value


class MatMul(Op):
    """c = a @ b: matrices in the last two axes, the axes before them broadcast, as ``numpy.matmul``."""

    a: Value
    b: Value

    def infer(self) -> TensorType:
        self.require(self.a.type.dtype is self.b.type.dtype, "operands of one dtype", (self.a.type, self.b.type))
        return TensorType(self.a.type.dtype, product_shape(self, self.a, self.b))

    def run(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return wide(torch.matmul, self.type.dtype, a, b)

    def macs(self) -> int:
        return self.type.size() * inner_size(self.a)

    @staticmethod
    def samples() -> Iterable[Op]:
        yield MatMul(value("a", symbol("N"), 7, 5), weight("b", 5, 3))
        yield MatMul(value("a", 2, 1, 4, 5), value("b", 3, 5, 6))
        yield MatMul(value("a", 5), value("b", 2, 5, 3))
        yield MatMul(value("a", 2, 3, 5), value("b", 5))
        yield MatMul(value("a", 5), value("b", 5))
        yield MatMul(value("a", 2, 3, dtype=DType.int64), value("b", 3, 4, dtype=DType.int64))
