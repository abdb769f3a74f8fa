from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch

from lissom.ir.axes import from_front
from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow, Term
from lissom.ir.families.scattering import scatter
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class TensorScatter(Op):
    """y = past_cache with ``update`` written along ``axis`` from position write_indices[b] on, for each batch entry b.

    Axis 0 is the batch; without ``write_indices`` writing begins at 0. In ``circular`` mode it goes on at the start
    of the axis when the end is reached; in ``linear`` mode all must fit.
    """

    past_cache: Value
    update: Value
    write_indices: Value | None = None
    axis: int = -2
    mode: Literal["linear", "circular"] = "linear"

    def infer(self) -> TensorType:
        cache, update = self.past_cache.type, self.update.type
        self.require(from_front(self, self.axis, cache.rank) != 0, "an axis other than the batch axis 0", self.axis)
        self.require(cache.rank == update.rank, f"an update of rank {cache.rank}", update)
        self.require(cache.dtype is update.dtype, f"an update of type {cache.dtype}", update)
        return cache

    def run(
        self, past_cache: torch.Tensor, update: torch.Tensor, write_indices: torch.Tensor | None = None
    ) -> torch.Tensor:
        axis, batch = self.axis % update.ndim, update.shape[0]
        first = torch.zeros(batch, dtype=torch.int64) if write_indices is None else write_indices.to(torch.int64)
        at = first.unsqueeze(1) + torch.arange(update.shape[axis])
        if self.mode == "circular":
            at = at % past_cache.shape[axis]
        shape = [batch if i == 0 else update.shape[axis] if i == axis else 1 for i in range(update.ndim)]
        return scatter(past_cache, axis, at.reshape(shape).expand(update.shape), update, "none")

    def channels(self, flow: Flow) -> Layout:
        rank = self.update.type.rank
        axis = self.axis % rank
        for v in (self.past_cache, self.update):
            flow.keep(self, v, axis, "where it is written to is computed")
        labels = range(rank)
        terms: list[Term] = [(self.past_cache, labels), (self.update, [i if i != axis else "new" for i in labels])]
        if self.write_indices is not None:
            terms.append((self.write_indices, [0]))
        return flow.einsum(self, terms, labels, read=False)

    @staticmethod
    def samples() -> Iterable[Op]:
        cache = value("cache", 2, 3, 5, 2)
        yield TensorScatter(cache, value("update", 2, 3, 2, 2), literal("at", [1, 3]))
        yield TensorScatter(cache, value("update", 2, 3, 2, 2))
        yield TensorScatter(cache, value("update", 2, 3, 3, 2), literal("at", [4, 0]), mode="circular")
        int8 = value("cache", 2, 5, dtype=DType.int8)
        yield TensorScatter(int8, value("update", 2, 1, dtype=DType.int8), literal("at", [0, 4]), axis=1)
