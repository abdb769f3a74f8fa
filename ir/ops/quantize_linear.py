from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.errors import Unsupported
from lissom.ir.families.quantization import RANGES, expand, saturate
from lissom.ir.op import Op
from lissom.ir.samples import literal, value, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class QuantizeLinear(Op):
    """y = saturate(round_half_even(x / y_scale) + y_zero_point), per tensor, channel or block.

    Shapes: y_scale and y_zero_point are scalars, (x.shape[axis]), or x's shape with ``axis`` divided by ``block_size``.
    """

    x: Value
    y_scale: Value
    y_zero_point: Value | None = None
    axis: int = 1
    block_size: int = 0
    output_dtype: DType | None = None
    precision: DType | None = None
    saturate: bool = True

    @property
    def dtype(self) -> DType:
        """The type of y."""
        return self.output_dtype or (DType.uint8 if self.y_zero_point is None else self.y_zero_point.type.dtype)

    def infer(self) -> TensorType:
        self.require(self.x.type.dtype.is_float or self.x.type.dtype is DType.int32, "a float x", self.x.type)
        if self.dtype not in RANGES:
            raise Unsupported(f"{self.describe()}: quantizing to {self.dtype} is not supported")
        if self.y_zero_point is not None:
            self.require(
                self.y_zero_point.type.dtype is self.dtype, f"a zero point of type {self.dtype}", self.y_zero_point.type
            )
        return TensorType(self.dtype, self.x.type.shape)

    def run(self, x: torch.Tensor, y_scale: torch.Tensor, y_zero_point: torch.Tensor | None = None) -> torch.Tensor:
        wide = (self.precision or DType.float32).torch
        scale = expand(y_scale, self.axis, x, self.block_size)
        rounded = torch.round(x.to(wide) / scale.to(wide))
        if y_zero_point is not None:
            rounded = rounded + expand(y_zero_point, self.axis, x, self.block_size).to(rounded.dtype)
        return saturate(rounded, self.dtype)

    def channels(self, flow: Flow) -> Layout:
        labels = range(self.x.type.rank)
        per_channel = [(v, [self.axis % len(labels)]) for v in self.operands[1:] if v.type.size() > 1]
        return flow.einsum(self, [(self.x, labels), *per_channel], labels)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", symbol("N"), 3, 4)
        yield QuantizeLinear(x, literal("s", 0.03, DType.float32), literal("z", -5, DType.int8))
        yield QuantizeLinear(x, weight("s", 3, low=0.01, high=0.1), literal("z", [0, 7, 255], DType.uint8))
        yield QuantizeLinear(x, literal("s", 0.25, DType.float32))
        yield QuantizeLinear(x, literal("s", 1e-4, DType.float32), literal("z", -300, DType.int16))
