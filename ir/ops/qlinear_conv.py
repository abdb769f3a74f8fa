from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from lissom.ir.families.integer import WeightedInteger
from lissom.ir.families.quantization import centred, multiplier, narrowed, requantize
from lissom.ir.op import Op
from lissom.ir.ops.conv import Conv
from lissom.ir.samples import literal, random_array, value
from lissom.ir.types import DType
from lissom.ir.values import Const, Value


class QLinearConv(WeightedInteger):
    """Conv on 8-bit tensors: y = requantize(b + sum (x - x_zero_point) * (w - w_zero_point)).

    Shapes as in Conv; x and y int8 or uint8, w int8 or uint8 with one scale or one per output channel, b int32 with
    scale x_scale*w_scale; the multiplier is x_scale*w_scale/y_scale. Padding stands for real zero.
    """

    domain = ""

    strides: tuple[int, ...] = ()
    pads: tuple[int, ...] = ()
    dilations: tuple[int, ...] = ()
    group: int = 1
    auto_pad: str = "NOTSET"

    def real(self, *operands: Value) -> Conv:
        x, w = operands
        return Conv(x, w, self.real_bias(), self.strides, self.pads, self.dilations, self.group, self.auto_pad)

    def complete(self) -> dict[str, Any]:
        twin = self.twin()
        return {name: getattr(twin, name) for name in ("strides", "pads", "dilations", "auto_pad")}

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
        acc = self.twin().run(*narrowed(centred(x, x_zero_point), centred(w, w_zero_point))).to(torch.float64)
        if b is not None:
            acc = acc + b.to(torch.float64).reshape(-1, *[1] * (x.ndim - 2))
        m = multiplier(x_scale, w_scale, y_scale)
        return requantize(acc, m.reshape(-1, *[1] * (x.ndim - 2)), y_zero_point, self.type.dtype)

    @staticmethod
    def samples() -> Iterable[Op]:
        def int8(name: str, *shape: int, dtype: DType = DType.int8) -> Const:
            low = 0 if dtype is DType.uint8 else -127
            return Const(random_array(name, shape, dtype, low, low + 255), name)

        def f32(name: str, data: Any) -> Const:
            return literal(name, data, DType.float32)

        zero, y = literal("zw", 0, DType.int8), (f32("sy", 0.6), literal("zy", -9, DType.int8))
        x = (int8("x", 2, 4, 7, 6), f32("sx", 0.05), literal("zx", 11, DType.int8))
        bias = Const(random_array("b", (6,), DType.int32, -3000, 3000), "b")
        yield QLinearConv(*x, int8("w", 6, 4, 3, 3), f32("sw", 0.01), zero, *y, bias, pads=(1, 1, 1, 1))
        per_channel = f32("sw", [0.01, 0.02, 0.003, 0.011, 0.004, 0.1]), literal("zw", [0] * 6, DType.int8)
        yield QLinearConv(*x, int8("w", 6, 2, 1, 3), *per_channel, *y, bias, group=2, strides=(2, 1), pads=(0, 1, 0, 1))
        unsigned = (int8("u", 1, 4, 5, 5, dtype=DType.uint8), f32("sx", 0.02), literal("zx", 128, DType.uint8))
        yield QLinearConv(
            *unsigned,
            int8("w", 4, 1, 3, 3),
            f32("sw", 0.02),
            zero,
            f32("sy", 0.3),
            literal("zy", 100, DType.uint8),
            group=4,
        )
        yield QLinearConv(
            value("x", 1, 3, 9, dtype=DType.int8),
            *x[1:],
            int8("w", 2, 3, 4),
            f32("sw", 0.02),
            zero,
            *y,
            auto_pad="SAME_UPPER",
        )
