from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.dims import symbol
from lissom.ir.families.matmul import inner_size, product_shape
from lissom.ir.op import Op
from lissom.ir.samples import literal, value, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class MatMulInteger(Op):
    """(a - a_zero_point) @ (b - b_zero_point), exact in int32.

    a and b are int8 or uint8. Zero points are scalars, one for each row of a and column of b, or broadcast to a and b.
    """

    frozen = "its numbers are integers that are decided on already; prune before quantizing"

    a: Value
    b: Value
    a_zero_point: Value | None = None
    b_zero_point: Value | None = None

    def infer(self) -> TensorType:
        for v in (self.a, self.b):
            self.require(v.type.dtype in (DType.int8, DType.uint8), "operands of type int8 or uint8", v.type)
        return TensorType(DType.int32, product_shape(self, self.a, self.b))

    def run(
        self,
        a: torch.Tensor,
        b: torch.Tensor,
        a_zero_point: torch.Tensor | None = None,
        b_zero_point: torch.Tensor | None = None,
    ) -> torch.Tensor:
        # float64 holds every sum exactly and has a fast product.
        left, right = a.double(), b.double()
        if a_zero_point is not None:
            rows = a_zero_point.ndim == 1 and a.ndim > 1
            left = left - (a_zero_point[:, None] if rows else a_zero_point).double()
        if b_zero_point is not None:
            right = right - b_zero_point.double()
        return torch.matmul(left, right).to(torch.int64).to(torch.int32)

    def macs(self) -> int:
        return self.type.size() * inner_size(self.a)

    @staticmethod
    def samples() -> Iterable[Op]:
        a = value("a", symbol("N"), 5, dtype=DType.uint8)
        b = weight("b", 5, 3, low=-100, high=100, dtype=DType.int8)
        yield MatMulInteger(a, b)
        yield MatMulInteger(a, b, literal("az", 4, DType.uint8), literal("bz", -3, DType.int8))
        yield MatMulInteger(a, b, literal("az", [4], DType.uint8), literal("bz", [1, 2, 3], DType.int8))
        yield MatMulInteger(value("a", 2, 3, 5, dtype=DType.uint8), value("b", 2, 5, 4, dtype=DType.uint8))
