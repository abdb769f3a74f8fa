from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, pairwise

import numpy as np
import torch

from lissom.ir.axes import from_front
from lissom.ir.channels.atoms import Factor, Layout, Unaligned
from lissom.ir.channels.flow import Flow
from lissom.ir.channels.kept import Kept
from lissom.ir.contents import count, elements
from lissom.ir.dims import Dim, ceildiv, symbol
from lissom.ir.op import Op
from lissom.ir.ops.gather import Gather
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Const, Value


class Split(Op):
    """y[0], y[1], ... = x cut along ``axis`` into parts of the sizes in ``split``.

    Without ``split``, ``num_outputs`` parts of equal size; where that does not come out even, the last is smaller.
    """

    x: Value
    split: Value | None = None
    axis: int = 0
    num_outputs: int | None = None

    def infer(self) -> tuple[TensorType, ...]:
        shape = self.x.type.dims
        axis = from_front(self, self.axis, len(shape))
        parts = self._parts(shape[axis])
        return tuple(TensorType(self.x.type.dtype, (*shape[:axis], part, *shape[axis + 1 :])) for part in parts)

    def _parts(self, size: Dim) -> Sequence[Dim]:
        n = self.num_outputs if self.split is None else count(self.split)
        if n is None:
            n = self.num_outputs
        self.require(n is not None and n > 0, "split sizes or num_outputs, to know how many parts there are", n)
        assert n is not None
        if self.split is None:
            each = ceildiv(size, n)
            return [each] * (n - 1) + [size - (n - 1) * each]
        sizes = elements(self.split)
        if sizes is None:
            return [unknown_size(self, self.axis, i) for i in range(n)]
        total = sum(sizes[1:], sizes[0])
        fits = total == size or not (isinstance(total, int) and isinstance(size, int))
        self.require(fits, f"split sizes that add up to {size}", sizes)
        return sizes

    def run(self, x: torch.Tensor, split: torch.Tensor | None = None) -> tuple[torch.Tensor, ...]:
        sizes = [n for n in self._parts(x.shape[self.axis]) if isinstance(n, int)] if split is None else split.tolist()
        return tuple(torch.split_with_sizes(x, sizes, self.axis))

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        axis = self.axis % self.x.type.rank
        sizes = [r.type.dims[axis] for r in self.results]
        if flow.of(self.x).is_fixed(axis):
            parts = [(Factor(n),) for n in sizes]
            return tuple(flow.of(self.x).with_axis(axis, part) for part in parts)
        ends = list(accumulate(n for n in sizes if isinstance(n, int)))
        if len(ends) < len(sizes):
            return flow.opaque(self, "the sizes it cuts to are no numbers")
        try:
            x = flow.of(self.x)
            return tuple(flow.take(self, x, axis, np.arange(a, b)) for a, b in pairwise([0, *ends]))
        except Unaligned:
            return flow.opaque(self, "it cuts across the factors of its axis")

    def resized(self, operands: Mapping[Value, Value], kept: Kept) -> Op:
        axis = self.axis % self.x.type.rank
        sizes = [kept.size(r, axis) for r in self.results]
        if not all(isinstance(n, int) for n in sizes):
            return self._on(operands)
        x, size = operands[self.x], self.x.type.dims[axis]
        if not kept.layouts[self.x].is_fixed(axis) and isinstance(size, int):
            where = kept.where(self.x, axis, range(size))
            if (np.diff(where) != 1).any():  # what was shuffled may have changed places with another part
                x = Gather(x, Const(where), axis)
        split = Const(np.array(sizes, np.int64), f"{self.name}.split")
        return self._on({**operands, self.x: x}, split=split, num_outputs=None)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 6, 7)
        yield Split(x, num_outputs=3)
        yield Split(x, axis=-1, num_outputs=2)
        yield Split(x, literal("split", [2, 0, 5]), axis=1)
        yield Split(x, literal("split", [6]))
        yield Split(value("x", symbol("N"), 3 * symbol("C"), dtype=DType.int32), axis=1, num_outputs=3)
