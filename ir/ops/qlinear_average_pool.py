from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from lissom.ir.families.integer import UnaryInteger
from lissom.ir.families.quantization import centred, requantize
from lissom.ir.op import Op
from lissom.ir.ops.average_pool import AveragePool
from lissom.ir.samples import int8_triple, literal, uint8_triple
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Input, Value


class QLinearAveragePool(UnaryInteger):
    """AveragePool on 8-bit tensors: y = requantize(sum over the window of x - zx).

    The multiplier is x_scale / (y_scale * count), in float32, with the number of positions AveragePool divides by as
    ``count``, which differs at the borders.
    """

    kernel_shape: tuple[int, ...]
    strides: tuple[int, ...] = ()
    pads: tuple[int, ...] = ()
    dilations: tuple[int, ...] = ()
    auto_pad: str = "NOTSET"
    ceil_mode: bool = False
    count_include_pad: bool = False

    def real(self, *operands: Value) -> AveragePool:
        (x,) = operands
        return AveragePool(x, **self.attributes)

    def complete(self) -> dict[str, Any]:
        return self.twin().attributes

    def run(
        self,
        x: torch.Tensor,
        x_scale: torch.Tensor,
        x_zero_point: torch.Tensor,
        y_scale: torch.Tensor,
        y_zero_point: torch.Tensor,
    ) -> torch.Tensor:
        pool = self.real(Input("x", TensorType(DType.float32, tuple(x.shape))))
        acc = pool.window_sums(centred(x, x_zero_point))
        count = pool.counts(x, tuple(acc.shape[2:])).to(torch.float32)
        m = x_scale.float() / (y_scale.float() * count)
        return requantize(acc, m, y_zero_point, self.type.dtype)

    @staticmethod
    def samples() -> Iterable[Op]:
        y = literal("sy", 0.023, DType.float32), literal("zy", 3, DType.int8)
        x = int8_triple("x", 2, 3, 9, 8)
        yield QLinearAveragePool(*x, *y, (2, 2), strides=(2, 2))
        yield QLinearAveragePool(*x, *y, (3, 3), strides=(2, 2), pads=(1, 1, 1, 1))
        yield QLinearAveragePool(*x, *y, (3, 2), strides=(2, 3), pads=(0, 1, 2, 0), ceil_mode=True)
        unsigned = literal("sy", 0.04, DType.float32), literal("zy", 128, DType.uint8)
        yield QLinearAveragePool(*uint8_triple("x", 1, 4, 7), *unsigned, (3,), pads=(1, 1), count_include_pad=True)
