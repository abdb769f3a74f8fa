from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from lissom.ir.families.integer import WeightedInteger
from lissom.ir.families.quantization import centred, multiplier, narrowed, requantize
from lissom.ir.op import Op
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.samples import int8_triple, literal, random_array, uint8_triple
from lissom.ir.types import DType
from lissom.ir.values import Const, Value


class QLinearConvTranspose(WeightedInteger):
    """ConvTranspose on 8-bit tensors: y = requantize(b + sum (x - x_zero_point) * (w - w_zero_point)).

    Shapes as in ConvTranspose; w (C, O/group, *) with one scale or one per output channel, along axis 1, which needs
    group 1; b int32 of scale x_scale * w_scale. What no product reaches is the bias alone.
    """

    strides: tuple[int, ...] = ()
    pads: tuple[int, ...] = ()
    dilations: tuple[int, ...] = ()
    group: int = 1
    auto_pad: str = "NOTSET"
    output_padding: tuple[int, ...] = ()
    output_shape: tuple[int, ...] = ()

    def real(self, *operands: Value) -> ConvTranspose:
        x, w = operands
        return ConvTranspose(x, w, self.real_bias(), **self.attributes)

    def complete(self) -> dict[str, Any]:
        return self.twin().attributes

    def channel_axis(self, tensor: Value) -> int:
        return 1 if tensor is self.w else 0

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
        left, right = narrowed(centred(x, x_zero_point), centred(w, w_zero_point, 1).transpose(0, 1))
        acc = self.twin().run(left, right.transpose(0, 1)).to(torch.float64)
        channels = [-1, *[1] * (x.ndim - 2)]
        if b is not None:
            acc = acc + b.to(torch.float64).reshape(channels)
        return requantize(acc, multiplier(x_scale, w_scale, y_scale).reshape(channels), y_zero_point, self.type.dtype)

    @staticmethod
    def samples() -> Iterable[Op]:
        def weights(*shape: int) -> Const:
            return Const(random_array("w", shape, DType.int8, -127, 128), "w")

        def f32(name: str, data: Any) -> Const:
            return literal(name, data, DType.float32)

        zero, y = literal("zw", 0, DType.int8), (f32("sy", 0.4), literal("zy", -9, DType.int8))
        bias = Const(random_array("b", (3,), DType.int32, -3000, 3000), "b")
        per_channel = f32("sw", [0.01, 0.02, 0.003]), Const(np.zeros(3, np.int8), "zw")
        x = int8_triple("x", 2, 4, 5, 6)
        yield QLinearConvTranspose(*x, weights(4, 3, 2, 2), *per_channel, *y, bias, strides=(2, 2))
        yield QLinearConvTranspose(
            *x, weights(4, 3, 3, 4), f32("sw", 0.01), zero, *y, bias, strides=(2, 3), pads=(1, 0, 1, 2)
        )
        yield QLinearConvTranspose(
            *uint8_triple("x", 1, 4, 7), weights(4, 2, 3), f32("sw", 0.02), zero, f32("sy", 0.2),
            literal("zy", 100, DType.uint8), group=2, dilations=(2,), output_padding=(1,), strides=(2,),
        )  # fmt: skip
