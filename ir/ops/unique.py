from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.axes import from_front
from lissom.ir.dims import Dim, product
from lissom.ir.families.bits import take
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Value


class Unique(Op):
    """y, indices, inverse_indices, counts = the different slices of x along ``axis``, or elements without an axis.

    In ascending (lexicographic) order when ``sorted``, else in order of first occurrence. ``indices`` says where each
    first occurs, ``inverse_indices`` which slice of y each slice of x is, ``counts`` how often each occurs; all int64.
    """

    x: Value
    axis: int | None = None
    sorted: bool = True

    def infer(self) -> tuple[TensorType, ...]:
        shape = self.x.type.dims
        axis = 0 if self.axis is None else from_front(self, self.axis, len(shape))
        n: Dim = unknown_size(self, axis)
        y = (n,) if self.axis is None else (*shape[:axis], n, *shape[axis + 1 :])
        inverse = product(shape) if self.axis is None else shape[axis]
        index = TensorType(DType.int64, (n,))
        return TensorType(self.x.type.dtype, y), index, TensorType(DType.int64, (inverse,)), index

    def run(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        axis = 0 if self.axis is None else self.axis
        if self.axis is None:
            x = x.reshape(-1)
        _, inverse, counts = torch.unique(x, dim=axis, return_inverse=True, return_counts=True)
        length = x.shape[axis]
        first = torch.full(counts.shape, length).scatter_reduce(0, inverse, torch.arange(length), "amin")
        if not self.sorted:
            order = first.argsort()
            first, counts, inverse = first[order], counts[order], order.argsort()[inverse]
        return take(x, axis, first), first, inverse, counts

    @staticmethod
    def samples() -> Iterable[Op]:
        yield Unique(literal("x", [2.0, 1.0, 1.0, 3.0, 4.0, 3.0], DType.float32))
        yield Unique(literal("x", [2.0, 1.0, 1.0, 3.0, 4.0, 3.0], DType.float32), sorted=False)
        yield Unique(literal("x", [[1, 0, 0], [1, 0, 0], [2, 3, 4]]), axis=0)
        yield Unique(literal("x", [[1, 0, 1], [1, 0, 1]]), axis=-1, sorted=False)
        yield Unique(value("x", 2, 3, dtype=DType.uint8))
