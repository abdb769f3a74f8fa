from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch

from lissom.ir.axes import from_front
from lissom.ir.channels.atoms import Axis, Factor, Layout, Unaligned
from lissom.ir.channels.flow import Flow
from lissom.ir.channels.kept import Kept
from lissom.ir.contents import small
from lissom.ir.dims import symbol
from lissom.ir.families.bits import take
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import CONTENTS_LIMIT, Const, Value


class Gather(Op):
    """y = the slices of x along ``axis`` that ``indices`` names: y[a, i, b] = x[a, indices[i], b].

    ``indices`` is int32 or int64 of any shape, which takes the place of the axis; negative ones count from the end.
    """

    x: Value
    indices: Value
    axis: int = 0

    def infer(self) -> TensorType:
        shape = self.x.type.dims
        axis = from_front(self, self.axis, len(shape))
        self.require(self.indices.type.dtype.is_integer, "integer indices", self.indices.type)
        return TensorType(self.x.type.dtype, (*shape[:axis], *self.indices.type.dims, *shape[axis + 1 :]))

    def run(self, x: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        axis = self.axis % x.ndim
        flat = indices.reshape(-1).to(torch.int64)
        flat = torch.where(flat < 0, flat + x.shape[axis], flat)
        return take(x, axis, flat).reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))

    def fold_contents(self) -> Array | None:
        known, where = self.x.contents, self._positions()
        if known is None or where is None:
            return None
        size = known.shape[self.axis]
        self.require(
            bool(np.all((where >= -size) & (where < size))), f"indices in [{-size}, {size - 1}]", where.tolist()
        )
        return small(np.asarray(np.take(known, where, self.axis), dtype=object))

    def _positions(self) -> Array | None:
        """The indices as numbers; of a constant in any shape."""
        if isinstance(self.indices, Const):
            return self.indices.data if self.indices.data.size <= CONTENTS_LIMIT else None
        known = self.indices.contents
        if known is None or not all(isinstance(i, int) for i in known.flat):
            return None
        return known.astype(np.int64)

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        axis = self.axis % self.x.type.rank
        layout, where = flow.of(self.x), self._constant()
        shape = self.indices.type.dims
        if where is None or layout.is_fixed(axis):
            layout = flow.keep(self, self.x, axis, "which of it are gathered is computed")
            if not layout.is_fixed(axis):
                return flow.opaque(self, "which are gathered is computed")
            taken: tuple[Axis, ...] = tuple((Factor(d),) for d in shape)
            return Layout((*layout.axes[:axis], *taken, *layout.axes[axis + 1 :]))
        try:
            layout = flow.take(self, layout, axis, where.reshape(-1) % self.x.type.dims[axis])
            return layout.reshape(self.type.dims)
        except Unaligned:
            return flow.opaque(self, "it cuts across the factors of its axis")

    def _constant(self) -> Array | None:
        return self.indices.data if isinstance(self.indices, Const) else None

    def resized(self, operands: Mapping[Value, Value], kept: Kept) -> Op:
        axis, where = self.axis % self.x.type.rank, self._constant()
        if where is None or kept.layouts[self.x].is_fixed(axis):
            return self._on(operands)
        left = kept.where(self.x, axis, where.reshape(-1) % self.x.type.dims[axis])
        shape = tuple(kept.size(self, axis + i) for i in range(where.ndim))
        indices = left.astype(where.dtype).reshape(shape)
        return Gather(operands[self.x], Const(indices, self.indices.name), self.axis).named(self.name, self.loc)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 3, 4, 5)
        yield Gather(x, literal("i", 1))
        yield Gather(x, literal("i", [[0, -1], [2, 2]]), axis=1)
        yield Gather(x, literal("i", [4, -5, 0], DType.int32), axis=-1)
        yield Gather(value("x", symbol("N"), 6, dtype=DType.bool), literal("i", [5, 0]), axis=1)
        yield Gather(value("table", 10, 4), value("ids", symbol("N"), 7, dtype=DType.int64))
