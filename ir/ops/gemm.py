from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow, Term
from lissom.ir.dims import symbol
from lissom.ir.families.unsigned import wide
from lissom.ir.op import Op
from lissom.ir.samples import value, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class Gemm(Op):
    """y = alpha * a' @ b' + beta * c, where a' (M, K) is a or its transpose, b' (K, N) is b or its transpose.

    c broadcasts to (M, N).
    """

    a: Value
    b: Value
    c: Value | None = None
    alpha: float = 1.0
    beta: float = 1.0
    transA: bool = False
    transB: bool = False

    def infer(self) -> TensorType:
        a, b = self.a.type, self.b.type
        self.require(a.rank == b.rank == 2, "two matrices", (a, b))
        self.require(a.dtype is b.dtype, "operands of one dtype", (a, b))
        m, k = reversed(a.dims) if self.transA else a.dims
        inner, n = reversed(b.dims) if self.transB else b.dims
        self.require(k == inner or not (isinstance(k, int) and isinstance(inner, int)), "equal inner sizes", (a, b))
        if self.c is not None:
            c = self.c.type
            fits = c.rank <= 2 and all(
                x in (1, y) or not (isinstance(x, int) and isinstance(y, int))
                for x, y in zip(reversed(c.dims), (n, m), strict=False)
            )
            self.require(fits, f"c that broadcasts to ({m}, {n})", c)
        return TensorType(a.dtype, (m, n))

    def run(self, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor | None = None) -> torch.Tensor:
        left = a.T if self.transA else a
        right = b.T if self.transB else b
        if a.dtype.is_floating_point and c is not None:
            return torch.addmm(c, left, right, alpha=self.alpha, beta=self.beta)
        y = wide(torch.matmul, self.type.dtype, left, right)
        if self.alpha != 1:
            y = (y * self.alpha).to(a.dtype)
        if c is None:
            return y
        scaled = c if self.beta == 1 else (c * self.beta).to(c.dtype)
        return wide(torch.add, self.type.dtype, y, scaled)

    def macs(self) -> int:
        k = self.a.type.dims[0 if self.transA else 1]
        return self.type.size() * (k if isinstance(k, int) else 1)

    def channels(self, flow: Flow) -> Layout:
        terms: list[Term] = [
            (self.a, ("k", "m") if self.transA else ("m", "k")),
            (self.b, ("n", "k") if self.transB else ("k", "n")),
        ]
        if self.c is not None:
            labels = zip(("m", "n")[2 - self.c.type.rank :], self.c.type.dims, strict=True)
            terms.append((self.c, [None if d == 1 else label for label, d in labels]))
        return flow.einsum(self, terms, "mn")

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("a", symbol("N"), 5)
        yield Gemm(x, weight("b", 3, 5), weight("c", 3), transB=True)
        yield Gemm(value("a", 4, 5), value("b", 5, 3))
        yield Gemm(value("a", 5, 4), weight("b", 5, 3), value("c", 4, 1), alpha=0.5, beta=2.0, transA=True)
        yield Gemm(x, weight("b", 5, 2), weight("c"), beta=0.25)
        yield Gemm(value("a", 5, 2), weight("b", 3, 5), weight("c", 1, 3), alpha=-1.5, transA=True, transB=True)
        yield Gemm(value("a", 2, 3, dtype=DType.int32), value("b", 3, 4, dtype=DType.int32))
