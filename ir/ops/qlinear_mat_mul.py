from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.families.integer import BinaryInteger
from lissom.ir.families.quantization import centred, multiplier, requantize
from lissom.ir.op import Op
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.samples import int8_triple, literal, uint8_triple
from lissom.ir.types import DType
from lissom.ir.values import Value


class QLinearMatMul(BinaryInteger):
    """y = requantize(sum_k (a[..., m, k] - za) * (b[..., k, n] - zb)), batched as in MatMul.

    The multiplier is sa * sb / sy. Scales and zero points are scalars, or 1-D: one per row of a, one per column of b.
    """

    domain = ""

    def real(self, *operands: Value) -> Op:
        return MatMul(*operands)

    def channel_axis(self, tensor: Value) -> int:
        return tensor.type.rank - (2 if tensor is self.a else 1)

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
        if a_scale.ndim == 1 and a_scale.numel() > 1:
            a_scale = a_scale.unsqueeze(-1)
        acc = centred(a, a_zero_point, a.ndim - 2) @ centred(b, b_zero_point, b.ndim - 1)
        return requantize(acc, multiplier(a_scale, b_scale, y_scale), y_zero_point, self.type.dtype)

    @staticmethod
    def samples() -> Iterable[Op]:
        y = literal("sy", 0.9, DType.float32), literal("zy", -7, DType.int8)
        yield QLinearMatMul(*int8_triple("a", 3, 17), *int8_triple("b", 17, 5), *y)
        columns = literal("sb", [0.01, 0.2, 0.03], DType.float32), literal("zb", [0, 3, -9], DType.int8)
        yield QLinearMatMul(*int8_triple("a", 2, 4, 3, 6), int8_triple("b", 6, 3)[0], *columns, *y)
        unsigned = literal("sy", 0.4, DType.float32), literal("zy", 90, DType.uint8)
        yield QLinearMatMul(*uint8_triple("a", 2, 3, 8), *int8_triple("b", 2, 8, 4), *unsigned)
