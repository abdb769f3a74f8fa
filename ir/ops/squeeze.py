from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.axes import all_from_front
from lissom.ir.channels.atoms import Layout, Unaligned
from lissom.ir.channels.flow import Flow
from lissom.ir.contents import count, integers
from lissom.ir.dims import symbol
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import Array, DType, Shape, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Value


class Squeeze(Op):
    """y = x without the axes ``axes``, whose size must be 1; without ``axes``, all axes of size 1 go."""

    x: Value
    axes: Value | None = None

    def infer(self) -> TensorType:
        return TensorType(self.x.type.dtype, self._shape())

    def _shape(self) -> Shape | None:
        shape = self.x.type.dims
        if self.axes is None:
            # Whether an axis of symbolic size goes is decided when its size is known, and with it the rank.
            return tuple(d for d in shape if d != 1) if self.x.type.static is not None else None
        axes, removed = integers(self.axes), count(self.axes)
        if axes is None:
            return None if removed is None else tuple(unknown_size(self, i) for i in range(len(shape) - removed))
        gone = all_from_front(self, axes, len(shape))
        for i in gone:
            self.require(not isinstance(shape[i], int) or shape[i] == 1, f"size 1 at axis {i}", self.x.type)
        return tuple(d for i, d in enumerate(shape) if i not in gone)

    def run(self, x: torch.Tensor, axes: torch.Tensor | None = None) -> torch.Tensor:
        if axes is None:
            return x.squeeze()
        gone = all_from_front(self, axes.reshape(-1).tolist(), x.ndim)
        for i in gone:
            self.require(x.shape[i] == 1, f"size 1 at axis {i}", tuple(x.shape))
        return x.squeeze(gone)

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
        x = value("x", 1, 3, 1, 4)
        yield Squeeze(x)
        yield Squeeze(x, literal("axes", [0]))
        yield Squeeze(x, literal("axes", [-2, 0]))
        yield Squeeze(value("x", symbol("N"), 3, 1, 1, dtype=DType.uint8), literal("axes", [2, 3]))
        yield Squeeze(value("x", 1), literal("axes", [0]))
