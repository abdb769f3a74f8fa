from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.dims import symbol
from lissom.ir.op import Op
from lissom.ir.samples import value
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class DynamicQuantizeLinear(Op):
    """x as uint8 with the scale and zero point that its own range, widened to contain 0, asks for.

    Results: y = saturate(round(x / scale) + zero_point), scale = (max - min) / 255, zero_point = round(-min / scale).
    """

    frozen = "its scale follows from the range of all channels together"

    x: Value

    def infer(self) -> tuple[TensorType, ...]:
        self.require(self.x.type.dtype is DType.float32, "a float32 x", self.x.type)
        return (TensorType(DType.uint8, self.x.type.shape), TensorType(DType.float32, ()), TensorType(DType.uint8, ()))

    def run(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        low, high = x.min().clamp(max=0), x.max().clamp(min=0)
        scale = torch.where(high == low, torch.ones_like(high), high - low) / 255
        zero_point = torch.round((-low / scale).clamp(0, 255))
        y = (torch.round(x / scale) + zero_point).clamp(0, 255)
        return y.to(torch.uint8), scale, zero_point.to(torch.uint8)

    @staticmethod
    def samples() -> Iterable[Op]:
        yield DynamicQuantizeLinear(value("x", 3, 4))
        yield DynamicQuantizeLinear(value("x", symbol("N"), 5, 2))
        yield DynamicQuantizeLinear(value("x", 1))
