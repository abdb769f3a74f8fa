from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F

from lissom.ir.contents import elements
from lissom.ir.dims import symbol
from lissom.ir.families import windows
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, Shape, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Value


class MaxUnpool(Op):
    """Puts each x at its flat index i in zeros of the shape that MaxPool with these windows came from.

    ``output_shape`` enlarges the result with zeros at the ends; indices count in the shape before that.
    """

    x: Value
    i: Value
    kernel_shape: tuple[int, ...]
    output_shape: Value | None = None
    strides: tuple[int, ...] = ()
    pads: tuple[int, ...] = ()

    def complete(self) -> dict[str, Any]:
        rank = len(self.kernel_shape)
        self.require(self.x.type.rank == rank + 2, f"x of rank {rank + 2}", self.x.type)
        return {"strides": windows.per_axis(self.strides, rank, 1), "pads": windows.per_axis(self.pads, 2 * rank, 0)}

    def _pooled_from(self, shape: Shape) -> Shape:
        rank = len(self.kernel_shape)
        ones, none = (1,) * rank, (0,) * rank
        spatial = windows.transposed_sizes(self.pads, shape[2:], self.kernel_shape, self.strides, ones, none)
        return (*shape[:2], *spatial)

    def infer(self) -> TensorType:
        x = self.x.type
        self.require(self.i.type.dtype is DType.int64, "int64 indices", self.i.type)
        if self.output_shape is None:
            return TensorType(x.dtype, self._pooled_from(x.dims))
        asked = elements(self.output_shape)
        return TensorType(x.dtype, asked if asked is not None else tuple(unknown_size(self, a) for a in range(x.rank)))

    def run(self, x: torch.Tensor, i: torch.Tensor, output_shape: torch.Tensor | None = None) -> torch.Tensor:
        shape = [int(d) for d in self._pooled_from(tuple(x.shape))]  # type: ignore[arg-type]
        y = x.new_zeros(shape).reshape(-1).scatter(0, i.reshape(-1), x.reshape(-1)).reshape(shape)
        if output_shape is None:
            return y
        more = [int(a) - b for a, b in zip(output_shape.tolist(), shape, strict=True)]
        return F.pad(y, windows.torch_padding([0] * len(more), more))

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 1, 1, 2, 2)
        where = literal("i", [[[[5, 7], [13, 15]]]])
        yield MaxUnpool(x, where, kernel_shape=(2, 2), strides=(2, 2))
        yield MaxUnpool(x, where, (2, 2), literal("shape", [1, 1, 6, 4]), strides=(2, 2))
        yield MaxUnpool(
            value("x", symbol("N"), 1, 3),
            value("i", symbol("N"), 1, 3, dtype=DType.int64),
            kernel_shape=(2,),
            strides=(2,),
        )
