from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch

from lissom.ir import dims
from lissom.ir.channels.atoms import Layout, Unaligned
from lissom.ir.channels.flow import Flow
from lissom.ir.channels.kept import Kept, resized_shape
from lissom.ir.contents import count, elements
from lissom.ir.dims import Dim, symbol
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Value


class Reshape(Op):
    """y = the elements of x, in row-major order, under another shape.

    In ``shape`` (int64, one number an axis), -1 stands for the size that uses up all elements, and 0 for the size x has
    at the same place, unless ``allowzero`` makes it mean 0.
    """

    x: Value
    shape: Value
    allowzero: bool = False

    def infer(self) -> TensorType:
        self.require(self.shape.type.rank == 1, "a vector as the shape", self.shape.type)
        target = elements(self.shape)
        if target is not None:
            return TensorType(self.x.type.dtype, self._resolve(target))
        rank = count(self.shape)
        return TensorType(
            self.x.type.dtype, None if rank is None else tuple(unknown_size(self, i) for i in range(rank))
        )

    def _resolve(self, target: Sequence[Dim]) -> tuple[Dim, ...]:
        given = self.x.type.dims
        out = list(target)
        if not self.allowzero:
            self.require(all(s != 0 for s in out[len(given) :]), f"0 only in the first {len(given)} places", target)
            out = [given[i] if s == 0 else s for i, s in enumerate(out)]
        free = [i for i, s in enumerate(out) if s == -1]
        self.require(len(free) <= 1, "at most one -1", target)
        if free:
            out[free[0]] = self._quotient(given, [s for s in out if s != -1], target)
        else:
            total, made = dims.product(given), dims.product(tuple(out))
            fits = total == made or not (isinstance(total, int) and isinstance(made, int))
            self.require(fits, f"a shape of {total} elements", tuple(target))
        return tuple(out)

    def _quotient(self, given: Sequence[Dim], others: list[Dim], target: Sequence[Dim]) -> Dim:
        """What is left for the -1; sizes that stand on both sides cancel first."""
        rest = list(given)
        for s in tuple(others):
            if s in rest and s != 0:
                rest.remove(s)
                others.remove(s)
        total, made = dims.product(tuple(rest)), dims.product(tuple(others))
        if made == 0:
            return 0
        exact = dims.divides(total, made)
        fits = exact is not None or not (isinstance(total, int) and isinstance(made, int))
        self.require(fits, "a shape whose sizes divide those of x", (self.x.type, tuple(target)))
        return dims.floordiv(total, made) if exact is None else exact

    def run(self, x: torch.Tensor, shape: torch.Tensor) -> torch.Tensor:
        sizes = shape.tolist()
        if not self.allowzero:
            sizes = [x.shape[i] if s == 0 else s for i, s in enumerate(sizes)]
        return x.reshape(sizes)

    def fold_contents(self) -> Array | None:
        known, sizes = self.x.contents, self.type.static
        return None if known is None or sizes is None else known.reshape(sizes)

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        try:
            return flow.of(self.x).reshape(self.type.dims)
        except Unaligned:
            return flow.opaque(self, "it cuts across the factors of its axes")

    def resized(self, operands: Mapping[Value, Value], kept: Kept) -> Op:
        x = operands[self.x]
        shape = resized_shape(operands[self.shape], kept.shape(self), () if self.allowzero else x.type.dims)
        return Reshape(x, shape, self.allowzero).named(self.name, self.loc)

    @staticmethod
    def samples() -> Iterable[Op]:
        x, n = value("x", 2, 6, 4), symbol("N")
        yield Reshape(x, literal("shape", [3, 16]))
        yield Reshape(x, literal("shape", [0, -1]))
        yield Reshape(x, literal("shape", [2, 0, 2, 2]))
        yield Reshape(value("x", n, 4, 3, dtype=DType.int32), literal("shape", [-1, 6]))
        yield Reshape(value("x", 0, 3), literal("shape", [3, 0]), allowzero=True)
        yield Reshape(value("x", 1, 1), literal("shape", []))
