from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.quantization import expand
from lissom.ir.op import Op
from lissom.ir.samples import literal, value, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class DequantizeLinear(Op):
    """y = (x - x_zero_point) * x_scale, per tensor, per channel along ``axis``, or in blocks of it.

    Shapes: x_scale and x_zero_point are scalars, (x.shape[axis]), or x's shape with ``axis`` divided by ``block_size``.
    """

    x: Value
    x_scale: Value
    x_zero_point: Value | None = None
    axis: int = 1
    block_size: int = 0
    output_dtype: DType | None = None

    def infer(self) -> TensorType:
        self.require(self.x_scale.type.dtype.is_float, "a float scale", self.x_scale.type)
        if self.x_zero_point is not None:
            self.require(
                self.x_zero_point.type.dtype is self.x.type.dtype,
                f"a zero point of type {self.x.type.dtype}",
                self.x_zero_point.type,
            )
        return TensorType(self.output_dtype or self.x_scale.type.dtype, self.x.type.shape)

    def run(self, x: torch.Tensor, x_scale: torch.Tensor, x_zero_point: torch.Tensor | None = None) -> torch.Tensor:
        exact = torch.float32 if self.x.type.dtype is not DType.int32 else torch.float64
        y = x.to(exact)
        if x_zero_point is not None:
            y = y - expand(x_zero_point.to(exact), self.axis, x, self.block_size)
        scale = expand(x_scale, self.axis, x, self.block_size)
        return (y.to(torch.float32) * scale.to(torch.float32)).to(self.type.dtype.torch)

    def channels(self, flow: Flow) -> Layout:
        labels = range(self.x.type.rank)
        per_channel = [(v, [self.axis % len(labels)]) for v in self.operands[1:] if v.type.size() > 1]
        return flow.einsum(self, [(self.x, labels), *per_channel], labels)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", symbol("N"), 3, 4, dtype=DType.int8)
        yield DequantizeLinear(x, literal("s", 0.03, DType.float32), literal("z", -5, DType.int8))
        yield DequantizeLinear(x, weight("s", 3, low=0.01, high=0.1), literal("z", [0, 7, -128], DType.int8))
        yield DequantizeLinear(x, literal("s", 0.25, DType.float32))
        yield DequantizeLinear(value("x", 6, dtype=DType.int32), weight("s", 6, low=0.01), axis=0)
