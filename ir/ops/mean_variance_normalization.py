from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.elementwise import FloatUnary
from lissom.ir.op import Op
from lissom.ir.samples import value
from lissom.ir.types import TensorType


class MeanVarianceNormalization(FloatUnary):
    """y = (x - mean) / (sqrt(variance) + 1e-9), mean and variance over ``axes``."""

    axes: tuple[int, ...] = (0, 2, 3)

    def infer(self) -> TensorType:
        rank = self.x.type.rank
        self.require(all(-rank <= a < rank for a in self.axes), f"axes of {self.x.type}", self.axes)
        return super().infer()

    def run(self, x: torch.Tensor) -> torch.Tensor:
        wide = x.to(torch.promote_types(x.dtype, torch.float32))  # squares of halves overflow
        centred = wide - wide.mean(self.axes, keepdim=True)
        return (centred / (centred.square().mean(self.axes, keepdim=True).sqrt() + 1e-9)).to(x.dtype)

    def channels(self, flow: Flow) -> Layout:
        flow.statistic(self, self.x, self.axes)
        return flow.of(self.x)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        x = value("x", symbol("N"), 3, 4, 5)
        yield cls(x)
        yield cls(x, axes=(2, 3))
        yield cls(value("x", 4, 6), axes=(-1,))
