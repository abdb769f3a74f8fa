from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from lissom.ir.axes import from_front
from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.channels.joining import concat
from lissom.ir.contents import small
from lissom.ir.dims import Dim, symbol
from lissom.ir.op import Op
from lissom.ir.samples import value, weight
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Value


class Concat(Op):
    """y = the operands, one after the other along ``axis``; they have one dtype and agree in every other size."""

    xs: tuple[Value, ...]
    axis: int

    def infer(self) -> TensorType:
        self.require(len(self.xs) > 0, "at least one operand", 0)
        types = tuple(x.type for x in self.xs)
        first = types[0]
        axis = from_front(self, self.axis, first.rank)
        self.require(len({t.dtype for t in types}) == 1, "operands of one dtype", types)
        self.require(len({t.rank for t in types}) == 1, "operands of one rank", types)
        shape: list[Dim] = []
        for i, sizes in enumerate(zip(*(t.dims for t in types), strict=True)):
            if i == axis:
                shape.append(sum(sizes[1:], sizes[0]))
                continue
            numbers = {d for d in sizes if isinstance(d, int)}
            self.require(len(numbers) <= 1, f"operands that agree except along axis {axis}", types)
            shape.append(numbers.pop() if numbers else sizes[0])
        return TensorType(first.dtype, tuple(shape))

    def run(self, xs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return torch.cat(xs, self.axis)

    def fold_contents(self) -> Array | None:
        known = [x.contents for x in self.xs if x.contents is not None]
        return small(np.concatenate(known, self.axis)) if len(known) == len(self.xs) else None

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        return concat(flow, self, self.xs, self.axis)

    @staticmethod
    def samples() -> Iterable[Op]:
        x, n = value("x", 2, 3, 4), symbol("N")
        yield Concat((x, value("y", 2, 5, 4), weight("w", 2, 1, 4)), axis=1)
        yield Concat((x, x), axis=-1)
        yield Concat((x,), axis=0)
        yield Concat((value("x", n, 3), value("y", 2, 3)), axis=0)
        yield Concat((value("x", n, 3, dtype=DType.uint8), value("y", n, 0, dtype=DType.uint8)), axis=1)
