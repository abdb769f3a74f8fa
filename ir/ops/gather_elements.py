from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.axes import from_front
from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.families.bits import by_bits
from lissom.ir.families.scattering import from_end
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class GatherElements(Op):
    """y[a, i, b] = x[a, indices[a, i, b], b], for positions i along ``axis``; negative indices count from the end.

    ``indices`` has the rank of x, and y the shape of ``indices``.
    """

    x: Value
    indices: Value
    axis: int = 0

    def infer(self) -> TensorType:
        x, indices = self.x.type, self.indices.type
        from_front(self, self.axis, x.rank)
        self.require(x.rank == indices.rank, f"indices of rank {x.rank}", indices)
        return TensorType(x.dtype, indices.shape)

    def run(self, x: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        at = from_end(indices, x.shape[self.axis])
        return by_bits(lambda t: t.gather(self.axis, at), x)

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        rank = self.x.type.rank
        axis = self.axis % rank
        pairs = enumerate(zip(self.x.type.dims, self.type.dims, strict=True))
        if any(a != b for i, (a, b) in pairs if i != axis):
            return flow.opaque(self, "it takes a part of several axes")
        for v in (self.x, self.indices):
            flow.keep(self, v, axis, "which of it are gathered is computed")
        inside, taken = ([i if i != axis else name for i in range(rank)] for name in ("x", "taken"))
        return flow.einsum(self, [(self.x, inside), (self.indices, taken)], taken, read=False)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 3, 4)
        yield GatherElements(x, literal("i", [[1, 2, 0, -1], [2, -3, 0, 0]]))
        yield GatherElements(x, literal("i", [[3, 3], [-4, 0], [1, 2]], DType.int32), axis=1)
        yield GatherElements(x, literal("i", [[0], [1], [2]]), axis=-1)
        yield GatherElements(value("x", 2, 2, 2, dtype=DType.uint16), literal("i", [[[1, 0]]]), axis=1)
