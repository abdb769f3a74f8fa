from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.families.integer import UnaryInteger
from lissom.ir.families.quantization import saturate
from lissom.ir.op import Op
from lissom.ir.ops.layer_normalization import LayerNormalization
from lissom.ir.samples import int8_triple, literal, uint8_triple, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class QLinearLayerNormalization(UnaryInteger):
    """LayerNormalization over the last axis (K elements) on 8-bit tensors, from exact sums.

    With u = x - zx, S = sum u, Q = sum u*u, all exact::

        deviation  d = K*u - S                              int32
        variance   v = float32(K*Q - S*S) + c               int64; c = float32(K*K * epsilon / x_scale**2)
        y = saturate(round_half_even((float32(d) * (1 / sqrt(v))) * (scale / y_scale) + b / y_scale) + zy)

    Every step on float32 is one IEEE operation, the square root included. ``scale`` and ``b`` are float32 of size K.
    Domain: K < 2**15, epsilon > 0.
    """

    scale: Value
    b: Value | None = None
    epsilon: float = 1e-5

    def infer(self) -> TensorType:
        k = self.x.type.dims[-1]
        self.require(isinstance(k, int) and k < 2**15, "fewer than 32768 elements in the last axis", k)
        self.require(self.epsilon > 0, "a positive epsilon", self.epsilon)
        for v in (self.scale, self.b):
            self.require(v is None or v.type == TensorType(DType.float32, (k,)), f"float32[{k}]", v and v.type)
        return super().infer()

    def real(self, *operands: Value) -> Op:
        (x,) = operands
        return LayerNormalization(x, self.scale, self.b, epsilon=self.epsilon)

    def run(
        self,
        x: torch.Tensor,
        x_scale: torch.Tensor,
        x_zero_point: torch.Tensor,
        y_scale: torch.Tensor,
        y_zero_point: torch.Tensor,
        scale: torch.Tensor,
        b: torch.Tensor | None = None,
    ) -> torch.Tensor:
        k = x.shape[-1]
        u = x.to(torch.int64) - x_zero_point.to(torch.int64)
        total = u.sum(-1, keepdim=True)
        variance = k * (u * u).sum(-1, keepdim=True) - total * total
        v = variance.to(torch.float32) + self.spread(x_scale, k)
        inverse = torch.ones((), dtype=torch.float32) / torch.sqrt(v)
        y = (k * u - total).to(torch.float32) * inverse * (scale / y_scale)
        if b is not None:
            y = y + b / y_scale
        return saturate(torch.round(y) + y_zero_point.float(), self.type.dtype)

    def spread(self, x_scale: torch.Tensor, k: int) -> torch.Tensor:
        """``c``: epsilon in the units of the variance, computed in float64 and rounded once."""
        return (k * k * self.epsilon / x_scale.to(torch.float64) ** 2).to(torch.float32)

    @staticmethod
    def samples() -> Iterable[Op]:
        y = literal("sy", 0.03, DType.float32), literal("zy", 4, DType.int8)
        yield QLinearLayerNormalization(*int8_triple("x", 2, 3, 24), *y, weight("scale", 24), weight("b", 24))
        yield QLinearLayerNormalization(*int8_triple("x", 5, 7, scale=0.001), *y, weight("scale", 7), epsilon=1e-3)
        unsigned = literal("sy", 0.02, DType.float32), literal("zy", 128, DType.uint8)
        yield QLinearLayerNormalization(*uint8_triple("x", 2, 65), *unsigned, weight("scale", 65), weight("b", 65))
