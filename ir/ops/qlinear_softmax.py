from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from lissom.ir.families.integer import UnaryInteger
from lissom.ir.families.quantization import requantize
from lissom.ir.op import Op
from lissom.ir.ops.softmax import Softmax
from lissom.ir.samples import int8_triple, literal, uint8_triple
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Const, Value


class QLinearSoftmax(UnaryInteger):
    """Softmax along ``axis`` on 8-bit tensors: y = requantize(e), e = table[max(x) - x], over the sum of all e.

    ``table`` (int32, 256) holds exp(-d * x_scale) * 2**k, see :func:`exponentials`; k is such that a sum over the axis
    stays below 2**31, so it is exact. The multiplier is 1 / (y_scale * float32(sum)): one product and one division.
    """

    table: Value
    axis: int = -1

    def infer(self) -> TensorType:
        self.require(self.table.type == TensorType(DType.int32, (256,)), "a table of 256 int32", self.table.type)
        rank = self.x.type.rank
        self.require(-rank <= self.axis < rank, f"an axis of {self.x.type}", self.axis)
        return super().infer()

    def real(self, *operands: Value) -> Op:
        (x,) = operands
        return Softmax(x, self.axis)

    def run(
        self,
        x: torch.Tensor,
        x_scale: torch.Tensor,
        x_zero_point: torch.Tensor,
        y_scale: torch.Tensor,
        y_zero_point: torch.Tensor,
        table: torch.Tensor,
    ) -> torch.Tensor:
        wide = x.to(torch.int64)
        e = table[wide.amax(self.axis, keepdim=True) - wide].to(torch.int64)
        total = e.sum(self.axis, keepdim=True).to(torch.float32)
        m = torch.ones((), dtype=torch.float32) / (y_scale.float() * total)
        return requantize(e, m, y_zero_point, self.type.dtype)

    @staticmethod
    def samples() -> Iterable[Op]:
        def table(scale: float, count: int) -> Const:
            return Const(exponentials(np.float32(scale), count), "table")

        y = literal("sy", 1 / 255, DType.float32), literal("zy", -128, DType.int8)
        yield QLinearSoftmax(*int8_triple("x", 2, 3, 20), *y, table(0.04, 20))
        yield QLinearSoftmax(*int8_triple("x", 2, 5, 3, scale=0.3), *y, table(0.3, 5), axis=1)
        unsigned = literal("sy", 1 / 256, DType.float32), literal("zy", 0, DType.uint8)
        yield QLinearSoftmax(*uint8_triple("x", 4, 50), *unsigned, table(0.03, 50))


def exponentials(x_scale: np.floating | Array, count: int) -> Array:
    """The table for an axis of ``count`` elements: round_half_even(exp(-d * x_scale) * 2**k) for d = 0 to 255.

    k = 30 - ceil(log2(count)), but 24 at most, from where on a float32 would round. Computed once, in float64.
    """
    k = min(24, 30 - max(count - 1, 0).bit_length())
    steps = np.arange(256, dtype=np.float64) * float(x_scale)
    return np.rint(np.exp(-steps) * 2.0**k).astype(np.int32)
