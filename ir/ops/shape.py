from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.channels.kept import Kept
from lissom.ir.dims import symbol
from lissom.ir.op import Op
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.gather import Gather
from lissom.ir.samples import value
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.types import Shape as Sizes
from lissom.ir.values import Const, Value


class Shape(Op):
    """y = the sizes of the axes ``start`` to ``end`` (exclusive) of x, as int64.

    As in Python slices, negative ones count from the end and those out of range are clipped.
    """

    x: Value
    start: int = 0
    end: int | None = None

    def infer(self) -> TensorType:
        return TensorType(DType.int64, (len(self._sizes()),))

    def _sizes(self) -> Sizes:
        return self.x.type.dims[self.start : self.end]

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tensor(x.shape[self.start : self.end], dtype=torch.int64)

    def fold_contents(self) -> Array | None:
        contents = np.empty(len(self._sizes()), dtype=object)
        contents[:] = self._sizes()
        return contents

    def channels(self, flow: Flow) -> Layout:
        return Layout.fixed(self.type.dims)

    def resized(self, operands: Mapping[Value, Value], kept: Kept) -> Op:
        """The sizes as they were: ops that hold sizes take theirs from what is left, and numbers stay numbers."""
        shape = Shape(operands[self.x], self.start, self.end).named(self.name, self.loc)
        if all(map(kept.layouts[self.x].is_fixed, range(self.x.type.rank))):
            return shape
        parts = [
            Const(np.array([d], np.int64)) if isinstance(d, int) else Gather(shape, Const(np.array([i], np.int64)))
            for i, d in enumerate(self._sizes())
        ]
        return Concat(tuple(parts), 0).named(self.name, self.loc) if parts else shape

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 2, 3, 4)
        yield Shape(x)
        yield Shape(x, start=1)
        yield Shape(x, start=-2, end=-1)
        yield Shape(x, start=2, end=1)
        yield Shape(value("x", symbol("N"), 3, symbol("H"), dtype=DType.bool), end=3)
        yield Shape(value("x"))
