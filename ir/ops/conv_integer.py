from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from lissom.ir.dims import symbol
from lissom.ir.op import Op
from lissom.ir.ops.conv import Conv
from lissom.ir.samples import literal, value, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class ConvInteger(Op):
    """The Conv of x - x_zero_point and w - w_zero_point, exact in int32; x is padded with its zero point.

    Shapes: as Conv; x_zero_point a scalar, w_zero_point a scalar or (O). x and w are int8 or uint8.
    """

    frozen = "its numbers are integers that are decided on already; prune before quantizing"

    x: Value
    w: Value
    x_zero_point: Value | None = None
    w_zero_point: Value | None = None
    strides: tuple[int, ...] = ()
    pads: tuple[int, ...] = ()
    dilations: tuple[int, ...] = ()
    group: int = 1
    auto_pad: str = "NOTSET"

    @property
    def real(self) -> Conv:
        """The convolution without zero points, which gives the geometry."""
        return Conv(self.x, self.w, None, self.strides, self.pads, self.dilations, self.group, self.auto_pad)

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """Spatial sizes of the kernel."""
        return self.real.kernel_shape

    def complete(self) -> dict[str, Any]:
        real = self.real
        return {"strides": real.strides, "dilations": real.dilations, "auto_pad": real.auto_pad, "pads": real.pads}

    def infer(self) -> TensorType:
        for v in (self.x, self.w):
            self.require(v.type.dtype in (DType.int8, DType.uint8), "operands of type int8 or uint8", v.type)
        return TensorType(DType.int32, self.real.type.shape)

    def run(
        self,
        x: torch.Tensor,
        w: torch.Tensor,
        x_zero_point: torch.Tensor | None = None,
        w_zero_point: torch.Tensor | None = None,
    ) -> torch.Tensor:
        # float64 holds every sum exactly, and torch has no integer convolution.
        left, right = x.double(), w.double()
        if x_zero_point is not None:
            left = left - x_zero_point.double()
        if w_zero_point is not None:
            right = right - w_zero_point.double().reshape(-1, *[1] * (w.ndim - 1))
        return self.real.run(left, right).to(torch.int64).to(torch.int32)

    def macs(self) -> int:
        return self.real.macs()

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", symbol("N"), 4, 7, 6, dtype=DType.uint8)
        w = weight("w", 6, 2, 3, 3, low=-20, high=20, dtype=DType.int8)
        yield ConvInteger(x, w, literal("xz", 3, DType.uint8), group=2, pads=(1, 1, 1, 1))
        w = weight("w", 6, 4, 3, 2, low=0, high=250, dtype=DType.uint8)
        yield ConvInteger(x, w, literal("xz", 3, DType.uint8), literal("wz", 7, DType.uint8), strides=(2, 1))
        yield ConvInteger(value("x", 1, 4, 5, 5, dtype=DType.uint8), w)
