from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.axes import from_front
from lissom.ir.channels.atoms import Factor, Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.contents import elements
from lissom.ir.dims import Dim, symbol
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Value


class TopK(Op):
    """values, indices = the k largest (or smallest) elements along ``axis`` in order, and where they stand (int64).

    Of equal elements the one with the lower index comes first. Without ``sorted`` any order would do; this is one.
    """

    x: Value
    k: Value
    axis: int = -1
    largest: bool = True
    sorted: bool = True

    def infer(self) -> tuple[TensorType, TensorType]:
        shape = self.x.type.dims
        axis = from_front(self, self.axis, len(shape))
        known = elements(self.k)
        if known is None:
            k: Dim = unknown_size(self, axis)
        else:
            self.require(len(known) == 1, "one k", known)
            (k,), size = known, shape[axis]
            fits = not (isinstance(k, int) and isinstance(size, int)) or 0 <= k <= size
            self.require(fits, f"k in [0, {size}]", k)
        shape = (*shape[:axis], k, *shape[axis + 1 :])
        return TensorType(self.x.type.dtype, shape), TensorType(DType.int64, shape)

    def run(self, x: torch.Tensor, k: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        values, indices = torch.sort(x, dim=self.axis, descending=self.largest, stable=True)
        return values.narrow(self.axis, 0, int(k)), indices.narrow(self.axis, 0, int(k))

    def channels(self, flow: Flow) -> tuple[Layout, ...]:
        axis = self.axis % self.x.type.rank
        layout = flow.keep(self, self.x, axis, "the largest of it are taken, and where they stand")
        return (layout.with_axis(axis, (Factor(self.type.dims[axis]),)),) * 2

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 3, 5)
        yield TopK(x, literal("k", [2]))
        yield TopK(x, literal("k", [3]), axis=0)
        yield TopK(x, literal("k", [2]), largest=False)
        yield TopK(value("x", 2, 9, dtype=DType.int32), literal("k", [9]))
        yield TopK(value("x", symbol("N"), 5), literal("k", [1]), axis=1)
