from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.families.integer import WeightedInteger
from lissom.ir.families.quantization import centred, multiplier, narrowed, requantize
from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.transpose import Transpose
from lissom.ir.samples import int8_triple, literal, random_array, uint8_triple
from lissom.ir.types import DType
from lissom.ir.values import Const, Value


class QLinearGemm(WeightedInteger):
    """A fully connected layer on 8-bit tensors: y[..., n] = requantize(b[n] + sum_k (x[..., k] - zx) * (w[n, k] - zw)).

    Shapes: x (..., K) of rank 2 or more, w (N, K) with one scale or one per row, b (N) int32, y (..., N).
    The multiplier is x_scale*w_scale/y_scale.
    """

    def real(self, *operands: Value) -> Op:
        x, w = operands
        bias = self.real_bias()
        if x.type.rank == 2:
            return Gemm(x, w, bias, transB=True)
        product = MatMul(x, Transpose(w, perm=(1, 0)))
        return product if bias is None else Add(product, bias)

    def macs(self) -> int:
        inner = self.w.type.dims[1]
        return self.type.size() * (inner if isinstance(inner, int) else 1)

    def run(
        self,
        x: torch.Tensor,
        x_scale: torch.Tensor,
        x_zero_point: torch.Tensor,
        w: torch.Tensor,
        w_scale: torch.Tensor,
        w_zero_point: torch.Tensor,
        y_scale: torch.Tensor,
        y_zero_point: torch.Tensor,
        b: torch.Tensor | None = None,
    ) -> torch.Tensor:
        columns, rows = narrowed(centred(x, x_zero_point), centred(w, w_zero_point))
        acc = (columns @ rows.T).to(torch.float64)
        if b is not None:
            acc = acc + b.to(torch.float64)
        return requantize(acc, multiplier(x_scale, w_scale, y_scale), y_zero_point, self.type.dtype)

    @staticmethod
    def samples() -> Iterable[Op]:
        y = literal("sy", 0.9, DType.float32), literal("zy", -7, DType.int8)
        bias = random_array("b", (6,), DType.int32, -3000, 3000)
        scales = (
            literal("sw", [0.01, 0.02, 0.003, 0.011, 0.004, 0.1], DType.float32),
            literal("zw", [0] * 6, DType.int8),
        )
        w = Const(random_array("w", (6, 21), DType.int8, -127, 128), "w")
        yield QLinearGemm(*int8_triple("x", 3, 21), w, *scales, *y, Const(bias, "b"))
        yield QLinearGemm(*int8_triple("x", 2, 5, 9), *int8_triple("w", 4, 9, zero_point=0), *y)
        unsigned = literal("sy", 0.3, DType.float32), literal("zy", 100, DType.uint8)
        yield QLinearGemm(*uint8_triple("x", 2, 5, 21), w, *scales, *unsigned, Const(bias, "b"))
