from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.families.integer import BinaryInteger
from lissom.ir.families.quantization import saturate
from lissom.ir.op import Op
from lissom.ir.ops.sub import Sub
from lissom.ir.samples import int8_triple, literal, uint8_triple
from lissom.ir.types import DType
from lissom.ir.values import Value


class QLinearSub(BinaryInteger):
    """y = saturate(round_half_even((a - za) * (sa / sy) - (b - zb) * (sb / sy)) + zy), with broadcasting.

    In float32: two ratios, two products, one difference, each rounded on its own.
    """

    def real(self, *operands: Value) -> Op:
        return Sub(*operands)

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
        left = (a.float() - a_zero_point.float()) * (a_scale / y_scale)
        right = (b.float() - b_zero_point.float()) * (b_scale / y_scale)
        return saturate(torch.round(left - right) + y_zero_point.float(), self.type.dtype)

    @staticmethod
    def samples() -> Iterable[Op]:
        y = literal("sy", 0.11, DType.float32), literal("zy", 4, DType.int8)
        yield QLinearSub(*int8_triple("a", 2, 3, 20), *int8_triple("b", 2, 3, 20, scale=0.05), *y)
        yield QLinearSub(*int8_triple("a", 3, 1, scale=0.3), *int8_triple("b", 2, 3, 4), *y)
        unsigned = literal("sy", 0.07, DType.float32), literal("zy", 100, DType.uint8)
        yield QLinearSub(*uint8_triple("a", 5, 1), *int8_triple("b", 1, 6), *unsigned)
