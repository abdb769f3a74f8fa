from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.axes import from_front
from lissom.ir.dims import symbol
from lissom.ir.families.scattering import Reduction, scatter
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class ScatterElements(Op):
    """y = x with y[a, indices[a, i, b], b] = updates[a, i, b], for positions i along ``axis``.

    ``indices`` and ``updates`` have one shape, of the rank of x; negative indices count from the end. With a
    ``reduction``, updates are combined with the element that is there.
    """

    frozen = "its indices say for each element where it goes, which may be in any channel"

    x: Value
    indices: Value
    updates: Value
    axis: int = 0
    reduction: Reduction = "none"

    def infer(self) -> TensorType:
        x, indices, updates = self.x.type, self.indices.type, self.updates.type
        from_front(self, self.axis, x.rank)
        self.require(x.rank == indices.rank == updates.rank, "operands of one rank", (x, indices, updates))
        self.require(x.dtype is updates.dtype, f"updates of type {x.dtype}", updates)
        fits = indices.shape == updates.shape or indices.static is None or updates.static is None
        self.require(fits, "indices and updates of one shape", (indices, updates))
        return x

    def run(self, x: torch.Tensor, indices: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
        return scatter(x, self.axis, indices, updates, self.reduction)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 3, 4)
        yield ScatterElements(x, literal("i", [[0, 2], [1, -1]]), value("u", 2, 2), axis=1)
        yield ScatterElements(x, literal("i", [[2, 0, 1]]), value("u", 1, 3))
        yield ScatterElements(x, literal("i", [[1, 1], [0, -4]]), value("u", 2, 2), axis=-1, reduction="add")
        yield ScatterElements(x, literal("i", [[1, 1], [0, 0]]), value("u", 2, 2), axis=1, reduction="mul")
        yield ScatterElements(x, literal("i", [[1, 1], [0, 0]]), value("u", 2, 2), axis=1, reduction="max")
        n = value("x", symbol("N"), 4, dtype=DType.int32)
        yield ScatterElements(n, literal("i", [[3, 0]]), value("u", 1, 2, dtype=DType.int32), axis=1, reduction="min")
