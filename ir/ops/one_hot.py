from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.axes import from_front
from lissom.ir.contents import elements
from lissom.ir.dims import symbol
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Const, Value


class OneHot(Op):
    """y[a, d, b] = values[1] where d = indices[a, b], else values[0]; d runs over ``depth`` places along ``axis``.

    Negative indices count from the end; those outside [-depth, depth-1] set nothing. ``values`` is (off, on).
    """

    indices: Value
    depth: Value
    values: Value
    axis: int = -1

    def infer(self) -> TensorType:
        shape = self.indices.type.dims
        axis = from_front(self, self.axis, len(shape) + 1)
        known = elements(self.depth)
        if known is None and isinstance(self.depth, Const) and self.depth.data.size == 1:
            known = (int(self.depth.data.reshape(())),)
        depth = unknown_size(self, axis) if known is None else known[0]
        return TensorType(self.values.type.dtype, (*shape[:axis], depth, *shape[axis:]))

    def run(self, indices: torch.Tensor, depth: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        n, axis = int(depth), self.axis % (indices.ndim + 1)
        at = torch.where(indices < 0, indices + n, indices).unsqueeze(axis)
        places = torch.arange(n).reshape(-1, *(1,) * (indices.ndim - axis))
        off, on = values.unbind(0)
        return torch.where(at == places, on, off)

    @staticmethod
    def samples() -> Iterable[Op]:
        for depth, axis, dtype in ((4, -1, DType.float32), ([3], 0, DType.int64), (5, 1, DType.bool)):
            ids = literal("ids", [[0, 2], [-1, 5]])
            yield OneHot(ids, literal("depth", depth), literal("values", [0, 1], dtype), axis=axis)
        batch = value("ids", symbol("N"), dtype=DType.int64)
        yield OneHot(batch, literal("depth", 10), literal("values", [-1.0, 2.0], DType.float32))
