from __future__ import annotations

from collections.abc import Iterable
from math import prod

import torch

from lissom.ir.families.integer import UnaryInteger
from lissom.ir.families.quantization import centred, requantize
from lissom.ir.op import Op
from lissom.ir.ops.global_average_pool import GlobalAveragePool
from lissom.ir.samples import int8_triple, literal, uint8_triple
from lissom.ir.types import DType
from lissom.ir.values import Value


class QLinearGlobalAveragePool(UnaryInteger):
    """y[n,c] = requantize(sum over the P spatial positions of x - zx), multiplier x_scale / (y_scale * P)."""

    def real(self, *operands: Value) -> Op:
        return GlobalAveragePool(*operands)

    def run(
        self,
        x: torch.Tensor,
        x_scale: torch.Tensor,
        x_zero_point: torch.Tensor,
        y_scale: torch.Tensor,
        y_zero_point: torch.Tensor,
    ) -> torch.Tensor:
        axes = tuple(range(2, x.ndim))
        acc = centred(x, x_zero_point).sum(axes, keepdim=True)
        m = x_scale.float() / (y_scale.float() * float(prod(x.shape[2:])))
        return requantize(acc, m, y_zero_point, self.type.dtype)

    @staticmethod
    def samples() -> Iterable[Op]:
        y = literal("sy", 0.02, DType.float32), literal("zy", 3, DType.int8)
        yield QLinearGlobalAveragePool(*int8_triple("x", 2, 5, 7, 7), *y)
        yield QLinearGlobalAveragePool(*int8_triple("x", 1, 3, 11), *y)
        unsigned = literal("sy", 0.01, DType.float32), literal("zy", 128, DType.uint8)
        yield QLinearGlobalAveragePool(*uint8_triple("x", 2, 4, 3, 5), *unsigned)
