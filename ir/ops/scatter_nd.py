from __future__ import annotations

from collections.abc import Iterable
from math import prod

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow, Label
from lissom.ir.dims import symbol
from lissom.ir.families.scattering import Reduction, from_end, scatter
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class ScatterND(Op):
    """y = x with y[indices[i]] = updates[i]; the last axis of ``indices`` holds k coordinates, of a slice of x.

    Shapes: indices (*i, k), updates (*i, *x.shape[k:]); negative indices count from the end. With a ``reduction``,
    updates are combined with the elements that are there.
    """

    x: Value
    indices: Value
    updates: Value
    reduction: Reduction = "none"

    def infer(self) -> TensorType:
        x, indices, updates = self.x.type, self.indices.type, self.updates.type
        self.require(indices.rank >= 1, "indices of rank 1 or more", indices)
        k = indices.dims[-1]
        if isinstance(k, int):
            self.require(k <= x.rank, f"at most {x.rank} coordinates", k)
            rank = indices.rank - 1 + x.rank - k
            self.require(updates.rank == rank, f"updates of rank {rank}", updates)
        self.require(x.dtype is updates.dtype, f"updates of type {x.dtype}", updates)
        return x

    def run(self, x: torch.Tensor, indices: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
        k = indices.shape[-1]
        leading, slices = x.shape[:k], x.shape[k:].numel()
        rows = torch.zeros(indices.shape[:-1], dtype=torch.int64)
        for i, size in enumerate(leading):
            rows = rows * size + from_end(indices[..., i], size)
        at = rows.reshape(-1, 1).expand(-1, slices)
        flat = x.reshape(prod(leading), slices)
        return scatter(flat, 0, at, updates.reshape(at.shape), self.reduction).reshape(x.shape)

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        k = self.indices.type.dims[-1]
        if not isinstance(k, int):
            return flow.opaque(self, "into which axes it writes is computed")
        flow.freeze(self.indices, self, "it says where to write")
        rank = self.x.type.rank
        for axis in range(k):
            flow.keep(self, self.x, axis, "where it is written to is computed")
        for axis in range(self.updates.type.rank - (rank - k)):
            flow.keep(self, self.updates, axis, "where it is written to is computed")
        written: list[Label] = [*(("row", i) for i in range(self.updates.type.rank - (rank - k))), *range(k, rank)]
        return flow.einsum(self, [(self.x, range(rank)), (self.updates, written)], range(rank), read=False)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 4, 3, 2)
        yield ScatterND(x, literal("i", [[0], [2]]), value("u", 2, 3, 2))
        yield ScatterND(x, literal("i", [[[0, 1], [-1, 2]]]), value("u", 1, 2, 2))
        yield ScatterND(x, literal("i", [[0, 0, 1], [0, 0, 1]]), value("u", 2), reduction="add")
        yield ScatterND(x, literal("i", [[1], [1]]), value("u", 2, 3, 2), reduction="mul")
        yield ScatterND(x, literal("i", [[1], [1]]), value("u", 2, 3, 2), reduction="max")
        n = value("x", symbol("N"), 3, dtype=DType.int32)
        yield ScatterND(n, literal("i", [[0]]), value("u", 1, 3, dtype=DType.int32), reduction="min")
