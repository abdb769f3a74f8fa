from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.op import Op
from lissom.ir.samples import value
from lissom.ir.types import TensorType
from lissom.ir.values import Value


class SwiGLU(Op):
    """y = a * sigmoid(alpha * a) * b, element by element; a and b have the same shape.

    Shazeer, GLU Variants Improve Transformer, 2020.
    """

    a: Value
    b: Value
    alpha: float = 1.0

    def infer(self) -> TensorType:
        a, b = self.a.type, self.b.type
        self.require(a.dtype is b.dtype and a.rank == b.rank, "operands of one type", (a, b))
        for x, y in zip(a.dims, b.dims, strict=True):
            self.require(x == y or not (isinstance(x, int) and isinstance(y, int)), "operands of one shape", (a, b))
        return a

    def run(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a * torch.sigmoid(self.alpha * a) * b

    def channels(self, flow: Flow) -> Layout:
        return flow.unify(self, self.a, self.b)

    @staticmethod
    def samples() -> Iterable[Op]:
        yield SwiGLU(value("a", 2, 3, 4), value("b", 2, 3, 4))
        yield SwiGLU(value("a", symbol("N"), 5), value("b", symbol("N"), 5), alpha=1.7)
        x = value("a", 4)
        yield SwiGLU(x, x)
