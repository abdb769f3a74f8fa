from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow, Label
from lissom.ir.dims import symbol
from lissom.ir.families.matmul import inner_size, product_shape
from lissom.ir.families.unsigned import wide
from lissom.ir.op import Op
from lissom.ir.samples import value, weight
from lissom.ir.types import DType, Shape, TensorType
from lissom.ir.values import Value


class MatMul(Op):
    """c = a @ b: matrices in the last two axes, the axes before them broadcast, as ``numpy.matmul``."""

    a: Value
    b: Value

    def infer(self) -> TensorType:
        self.require(self.a.type.dtype is self.b.type.dtype, "operands of one dtype", (self.a.type, self.b.type))
        return TensorType(self.a.type.dtype, product_shape(self, self.a, self.b))

    def run(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return wide(torch.matmul, self.type.dtype, a, b)

    def macs(self) -> int:
        return self.type.size() * inner_size(self.a)

    def channels(self, flow: Flow) -> Layout:
        a, b = self.a.type.dims, self.b.type.dims
        batch = max(len(a), len(b)) - 2

        def labels(shape: Shape, last: tuple[str, str]) -> list[Label | None]:
            outer = [None if d == 1 else batch + i for i, d in enumerate(shape[:-2], 2 - len(shape))]
            return [*outer, *last[-len(shape) :]]

        left = labels(a, ("m", "k")) if len(a) > 1 else ["k"]
        right = labels(b, ("k", "n")) if len(b) > 1 else ["k"]
        output: list[Label] = [*range(max(batch, 0)), *(["m"] if len(a) > 1 else []), *(["n"] if len(b) > 1 else [])]
        return flow.einsum(self, [(self.a, left), (self.b, right)], output)

    @staticmethod
    def samples() -> Iterable[Op]:
        yield MatMul(value("a", symbol("N"), 7, 5), weight("b", 5, 3))
        yield MatMul(value("a", 2, 1, 4, 5), value("b", 3, 5, 6))
        yield MatMul(value("a", 5), value("b", 2, 5, 3))
        yield MatMul(value("a", 2, 3, 5), value("b", 5))
        yield MatMul(value("a", 5), value("b", 5))
        yield MatMul(value("a", 2, 3, dtype=DType.int64), value("b", 3, 4, dtype=DType.int64))
