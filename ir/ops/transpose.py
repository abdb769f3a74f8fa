from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from lissom.ir.axes import all_from_front
from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.op import Op
from lissom.ir.samples import value
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Value


class Transpose(Op):
    """y[i[perm[0]], i[perm[1]], ...] = x[i[0], i[1], ...]: axis k of y is axis perm[k] of x.

    By default the order of the axes is reversed.
    """

    x: Value
    perm: tuple[int, ...] = ()

    def complete(self) -> dict[str, Any]:
        rank = self.x.type.rank
        perm = all_from_front(self, self.perm, rank) if self.perm else tuple(reversed(range(rank)))
        self.require(len(perm) == rank, f"a permutation of {rank} axes", self.perm)
        return {"perm": perm}

    def infer(self) -> TensorType:
        shape = self.x.type.dims
        self.require(len(shape) == len(self.perm), f"x of rank {len(self.perm)}", self.x.type)
        return TensorType(self.x.type.dtype, tuple(shape[p] for p in self.perm))

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(self.perm)

    def fold_contents(self) -> Array | None:
        return None if self.x.contents is None else np.transpose(self.x.contents, self.perm)

    def channels(self, flow: Flow) -> Layout:
        return flow.of(self.x).permute(self.perm)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 2, 3, 4)
        yield Transpose(x)
        yield Transpose(x, perm=(0, 2, 1))
        yield Transpose(value("x", symbol("N"), 3, 4, 5, dtype=DType.int8), perm=(0, 2, 3, 1))
        yield Transpose(value("x"))
