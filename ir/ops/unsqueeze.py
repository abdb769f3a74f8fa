from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.axes import all_from_front
from lissom.ir.channels.atoms import Layout, Unaligned
from lissom.ir.channels.flow import Flow
from lissom.ir.contents import count, integers
from lissom.ir.dims import symbol
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Value


class Unsqueeze(Op):
    """y = x with axes of size 1 put in, so that they are the axes ``axes`` of y."""

    x: Value
    axes: Value

    def infer(self) -> TensorType:
        axes, added = integers(self.axes), count(self.axes)
        if added is None:
            return TensorType(self.x.type.dtype, None)
        rank = self.x.type.rank + added
        if axes is None:
            return TensorType(self.x.type.dtype, tuple(unknown_size(self, i) for i in range(rank)))
        new, old = all_from_front(self, axes, rank), iter(self.x.type.dims)
        return TensorType(self.x.type.dtype, tuple(1 if i in new else next(old) for i in range(rank)))

    def run(self, x: torch.Tensor, axes: torch.Tensor) -> torch.Tensor:
        for axis in sorted(all_from_front(self, axes.reshape(-1).tolist(), x.ndim + axes.numel())):
            x = x.unsqueeze(axis)
        return x

    def fold_contents(self) -> Array | None:
        known, sizes = self.x.contents, self.type.static
        return None if known is None or sizes is None else known.reshape(sizes)

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        try:
            return flow.of(self.x).reshape(self.type.dims)
        except Unaligned:
            return flow.opaque(self, "it cuts across the factors of its axes")

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 3, 4)
        yield Unsqueeze(x, literal("axes", [0]))
        yield Unsqueeze(x, literal("axes", [-1, 1]))
        yield Unsqueeze(value("x"), literal("axes", [0, 1]))
        yield Unsqueeze(value("x", symbol("N"), 3, dtype=DType.int8), literal("axes", [1]))
