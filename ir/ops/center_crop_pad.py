from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.axes import all_from_front
from lissom.ir.contents import elements
from lissom.ir.dims import symbol
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Value


class CenterCropPad(Op):
    """y = x cut to, or padded with zeros to, the sizes ``shape`` along ``axes`` (default: all), about its center.

    Where the difference is odd, the cut leaves out one element more at the end and the padding puts one more there.
    """

    x: Value
    shape: Value
    axes: tuple[int, ...] | None = None

    def infer(self) -> TensorType:
        sizes, wanted = list(self.x.type.dims), elements(self.shape)
        axes = self._axes(len(sizes))
        self.require(wanted is None or len(wanted) == len(axes), f"{len(axes)} sizes", wanted)
        for i, axis in enumerate(axes):
            sizes[axis] = unknown_size(self, axis) if wanted is None else wanted[i]
        return TensorType(self.x.type.dtype, tuple(sizes))

    def _axes(self, rank: int) -> tuple[int, ...]:
        return tuple(range(rank)) if self.axes is None else all_from_front(self, self.axes, rank)

    def run(self, x: torch.Tensor, shape: torch.Tensor) -> torch.Tensor:
        for axis, wanted in zip(self._axes(x.ndim), shape.tolist(), strict=True):
            missing = wanted - x.shape[axis]
            if missing <= 0:
                x = x.narrow(axis, -missing // 2, wanted)
                continue
            sizes = list(x.shape)
            sizes[axis] = missing // 2
            before = torch.zeros(sizes, dtype=x.dtype)
            sizes[axis] = missing - missing // 2
            x = torch.cat((before, x, torch.zeros(sizes, dtype=x.dtype)), axis)
        return x

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 4, 5, 6)
        yield CenterCropPad(x, literal("shape", [2, 8, 6]))
        yield CenterCropPad(x, literal("shape", [3, 9]), axes=(2, 0))
        yield CenterCropPad(x, literal("shape", [2]), axes=(-2,))
        yield CenterCropPad(value("x", symbol("N"), 5, dtype=DType.int8), literal("shape", [8]), axes=(1,))
