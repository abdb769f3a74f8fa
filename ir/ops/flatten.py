from __future__ import annotations

from collections.abc import Iterable
from math import prod

import torch

from lissom.ir.channels.atoms import Layout, Unaligned
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import product, symbol
from lissom.ir.op import Op
from lissom.ir.samples import value
from lissom.ir.types import Array, TensorType
from lissom.ir.values import Value


class Flatten(Op):
    """y = x as a matrix: the axes before ``axis`` make the rows, the others the columns.

    ``axis`` is in [-rank, rank]; a negative one counts from the end.
    """

    x: Value
    axis: int = 1

    def infer(self) -> TensorType:
        rank = self.x.type.rank
        self.require(-rank <= self.axis <= rank, f"an axis in [{-rank}, {rank}]", self.axis)
        shape, at = self.x.type.dims, self._split(rank)
        return TensorType(self.x.type.dtype, (product(shape[:at]), product(shape[at:])))

    def _split(self, rank: int) -> int:
        return self.axis + rank if self.axis < 0 else self.axis

    def run(self, x: torch.Tensor) -> torch.Tensor:
        shape, at = x.shape, self._split(x.ndim)
        return x.reshape(prod(shape[:at]), prod(shape[at:]))

    def fold_contents(self) -> Array | None:
        known, sizes = self.x.contents, self.type.static
        return None if known is None or sizes is None else known.reshape(sizes)

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        try:
            return flow.of(self.x).reshape(self.type.dims)
        except Unaligned:
            return flow.opaque(self, "it cuts across the factors of its axes")

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 2, 3, 4)
        yield Flatten(x)
        yield Flatten(x, axis=0)
        yield Flatten(x, axis=3)
        yield Flatten(x, axis=-1)
        yield Flatten(value("x", symbol("N"), 2, symbol("H"), 2))
