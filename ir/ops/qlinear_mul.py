from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.families.integer import BinaryInteger
from lissom.ir.families.quantization import centred, multiplier, requantize
from lissom.ir.op import Op
from lissom.ir.ops.mul import Mul
from lissom.ir.samples import int8_triple, literal, uint8_triple
from lissom.ir.types import DType
from lissom.ir.values import Value


class QLinearMul(BinaryInteger):
    """y = requantize((a - za) * (b - zb)) with multiplier sa * sb / sy, with broadcasting; the product is exact."""

    def real(self, *operands: Value) -> Op:
        return Mul(*operands)

    def run(
        self,
        a: torch.Tensor,
        a_scale: torch.Tensor,
        a_zero_point: torch.Tensor,
        b: torch.Tensor,
        b_scale: torch.Tensor,
        b_zero_point: torch.Tensor,
        y_scale: torch.Tensor,
        y_zero_point: torch.Tensor,
    ) -> torch.Tensor:
        product = centred(a, a_zero_point) * centred(b, b_zero_point)
        return requantize(product, multiplier(a_scale, b_scale, y_scale), y_zero_point, self.type.dtype)

    @staticmethod
    def samples() -> Iterable[Op]:
        y = literal("sy", 0.11, DType.float32), literal("zy", 4, DType.int8)
        yield QLinearMul(*int8_triple("a", 2, 3, 20), *int8_triple("b", 2, 3, 20, scale=0.05), *y)
        yield QLinearMul(*int8_triple("a", 2, 3, 4), *int8_triple("b", 3, 1, scale=0.3), *y)
        unsigned = literal("sy", 0.07, DType.float32), literal("zy", 100, DType.uint8)
        yield QLinearMul(*uint8_triple("a", 5, 1), *int8_triple("b", 1, 6), *unsigned)
