from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.quantization import RANGES, expand
from lissom.ir.op import Op
from lissom.ir.samples import literal, value, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class FakeQuant(Op):
    """y = (clamp(round_half_even(x / scale) + zero_point, low, high) - zero_point) * scale: x on the grid of integers.

    The decision to quantize a value, still in float. ``scale`` and ``zero_point`` are scalars or one per channel along
    ``axis``; the zero point has the integer type the value is to get, ``low`` and ``high`` may narrow its range.
    The gradient passes straight through within the range and is zero outside it (Jacob et al., arXiv:1712.05877).
    ``chosen`` holds the integers of x, of its shape, where something better than rounding to nearest was found for
    them: then y = (chosen - zero_point) * scale, and x is what they stand for.
    """

    domain = "lissom"

    x: Value
    scale: Value
    zero_point: Value
    low: int
    high: int
    axis: int = 0
    chosen: Value | None = None

    def infer(self) -> TensorType:
        dtype = self.zero_point.type.dtype
        self.require(dtype in RANGES, "a zero point of an integer type", self.zero_point.type)
        low, high = RANGES[dtype]
        self.require(low <= self.low < self.high <= high, f"a range within that of {dtype}", (self.low, self.high))
        self.require(
            self.scale.type.shape == self.zero_point.type.shape, "one zero point per scale", self.zero_point.type
        )
        if self.chosen is not None:
            self.require(self.chosen.type.shape == self.x.type.shape, "an integer for each element", self.chosen.type)
            self.require(self.chosen.type.dtype is dtype, f"integers of type {dtype}", self.chosen.type)
        return self.x.type

    def run(
        self, x: torch.Tensor, scale: torch.Tensor, zero_point: torch.Tensor, chosen: torch.Tensor | None = None
    ) -> torch.Tensor:
        s = expand(scale, self.axis, x)
        z = expand(zero_point, self.axis, x).to(s.dtype)
        ratio = x / s
        if not ratio.requires_grad:  # the same in place, for calibration spends its time here
            rounded = ratio.round_().add_(z) if chosen is None else chosen.to(s.dtype)
            return rounded.clamp_(self.low, self.high).sub_(z).mul_(s)
        nearest = torch.round(ratio) if chosen is None else chosen.to(s.dtype) - z
        rounded = ratio + (nearest - ratio).detach()
        return (torch.clamp(rounded + z, self.low, self.high) - z) * s

    def channels(self, flow: Flow) -> Layout:
        labels = range(self.x.type.rank)
        grid = (self.scale, self.zero_point)
        per_channel = [(v, [self.axis % len(labels)]) for v in grid if v.type.size() > 1]
        whole = [(v, labels) for v in (self.x, self.chosen) if v is not None]
        return flow.einsum(self, [*whole, *per_channel], labels)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", symbol("N"), 3, 4)
        yield FakeQuant(x, literal("s", 0.03, DType.float32), literal("z", -5, DType.int8), -128, 127)
        yield FakeQuant(x, weight("s", 3, low=0.01), literal("z", [0, 0, 0], DType.int8), -127, 127, axis=1)
        yield FakeQuant(x, literal("s", 0.2, DType.float32), literal("z", 3, DType.uint8), 0, 15)
        chosen = literal("q", [[1, -8], [3, 7]], DType.int4)
        yield FakeQuant(
            value("w", 2, 2), literal("s", 0.2, DType.float32), literal("z", 0, DType.int4), -8, 7, chosen=chosen
        )
