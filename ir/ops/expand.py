from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch

from lissom.ir import dims
from lissom.ir.channels.atoms import Axis, Factor, Layout, single
from lissom.ir.channels.flow import Flow
from lissom.ir.channels.kept import Kept, resized_shape
from lissom.ir.contents import count, elements, small
from lissom.ir.dims import Dim, symbol
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import Array, DType, Shape, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Value


class Expand(Op):
    """y = x repeated along axes of size 1, so that it has the shape that x and ``shape`` broadcast to."""

    x: Value
    shape: Value

    def infer(self) -> TensorType:
        return TensorType(self.x.type.dtype, self._shape())

    def _shape(self) -> Shape | None:
        given, target, length = self.x.type.dims, elements(self.shape), count(self.shape)
        if target is None:
            if length is None:
                return None
            return tuple(unknown_size(self, i) for i in range(max(length, len(given))))
        rank = max(len(given), len(target))
        out: list[Dim] = []
        for a, b in zip((1,) * (rank - len(given)) + given, (1,) * (rank - len(target)) + target, strict=True):
            try:
                out.append(dims.broadcast(a, b))
            except ValueError:
                self.require(False, f"a shape that broadcasts with {self.x.type}", target)
        return tuple(out)

    def run(self, x: torch.Tensor, shape: torch.Tensor) -> torch.Tensor:
        return x.expand(torch.broadcast_shapes(x.shape, shape.tolist()))  # type: ignore[no-untyped-call]

    def fold_contents(self) -> Array | None:
        known, sizes = self.x.contents, self.type.static
        return None if known is None or sizes is None else small(np.broadcast_to(known, sizes))

    def channels(self, flow: Flow) -> Layout:
        layout = flow.of(self.x)
        for _ in range(self.type.rank - layout.rank):
            layout = layout.insert(0)
        axes: list[Axis] = []
        for i, (axis, size) in enumerate(zip(layout.axes, self.type.dims, strict=True)):
            if layout.size(i) == size:
                axes.append(axis)
            else:  # copies of one element: any of them may go
                axes.append(single(flow.fresh(size, self, i)) if isinstance(size, int) else (Factor(size),))
        return Layout(tuple(axes))

    def resized(self, operands: Mapping[Value, Value], kept: Kept) -> Op:
        x = operands[self.x]
        given = (1,) * (self.type.rank - x.type.rank) + x.type.dims
        wanted = [1 if d == g else d for d, g in zip(kept.shape(self), given, strict=True)]
        return Expand(x, resized_shape(operands[self.shape], wanted)).named(self.name, self.loc)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 3, 1)
        yield Expand(x, literal("shape", [2, 3, 4]))
        yield Expand(x, literal("shape", [3]))
        yield Expand(x, literal("shape", [1, 1]))
        yield Expand(value("x", symbol("N"), 1, 5, dtype=DType.bool), literal("shape", [1, 4, 1]))
        yield Expand(value("x"), literal("shape", [2, 0]))
