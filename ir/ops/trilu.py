from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.unsigned import wide
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class Trilu(Op):
    """y = the upper (or lower) triangle of the last two axes of x, the k-th diagonal included; 0 elsewhere."""

    x: Value
    k: Value | None = None
    upper: bool = True

    def infer(self) -> TensorType:
        self.require(self.x.type.rank >= 2, "two axes or more", self.x.type)
        return self.x.type

    def run(self, x: torch.Tensor, k: torch.Tensor | None) -> torch.Tensor:
        known = None if self.k is None else self.k.contents
        diagonal = 0 if k is None else int(k if known is None else known.reshape(()))
        return wide(lambda v: (torch.triu if self.upper else torch.tril)(v, diagonal), self.type.dtype, x)

    def channels(self, flow: Flow) -> Layout:
        flow.keep(self, self.x, (-2, -1), "a triangle of it is taken")
        return flow.einsum(self, [(self.x, range(self.x.type.rank))], range(self.x.type.rank))

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", symbol("N"), 4, 5)
        yield Trilu(x)
        yield Trilu(x, upper=False)
        yield Trilu(x, literal("k", 2))
        yield Trilu(x, literal("k", [-7]), upper=False)
        yield Trilu(value("x", 4, 4, dtype=DType.int64), value("k", dtype=DType.int64, low=-2, high=3))
        yield Trilu(value("x", 4, 4, dtype=DType.bool), literal("k", -1), upper=False)
        yield Trilu(value("x", 3, 0))
