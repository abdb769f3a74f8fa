from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from lissom.ir.channels.atoms import Axis, Factor, Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.contents import elements, integers, small
from lissom.ir.dims import symbol
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Value


class Tile(Op):
    """y = x laid out ``repeats[i]`` times along each axis i."""

    x: Value
    repeats: Value

    def infer(self) -> TensorType:
        shape, repeats = self.x.type.dims, elements(self.repeats)
        if repeats is None:
            return TensorType(self.x.type.dtype, tuple(unknown_size(self, i) for i in range(len(shape))))
        self.require(len(repeats) == len(shape), f"{len(shape)} repeats", repeats)
        return TensorType(self.x.type.dtype, tuple(d * r for d, r in zip(shape, repeats, strict=True)))

    def run(self, x: torch.Tensor, repeats: torch.Tensor) -> torch.Tensor:
        return x.repeat(repeats.tolist())

    def fold_contents(self) -> Array | None:
        known, repeats = self.x.contents, integers(self.repeats)
        if known is None or repeats is None or self.type.size() > known.size * 256:
            return None
        return small(np.tile(known, repeats))

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        repeats = self.repeats.contents
        if repeats is None:
            return flow.opaque(self, "how often it repeats is computed")
        axes: list[Axis] = []
        for axis, n in zip(flow.of(self.x).axes, repeats.flat, strict=True):
            axes.append(axis if n == 1 else (Factor(n), *(f for f in axis if f.size != 1)))
        return Layout(tuple(axes))

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 2, 3)
        yield Tile(x, literal("repeats", [2, 2]))
        yield Tile(x, literal("repeats", [1, 3]))
        yield Tile(x, literal("repeats", [0, 1]))
        yield Tile(value("x", symbol("N"), 1, 2, dtype=DType.int8), literal("repeats", [1, 4, 2]))
