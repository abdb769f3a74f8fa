from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.elementwise import Unary
from lissom.ir.families.signs import Spread, spread_over
from lissom.ir.op import Op
from lissom.ir.samples import value, weight
from lissom.ir.types import TensorType


class Binarize(Unary):
    """y = a * (1 where x >= 0, else -1): the decision to keep one bit of each element.

    ``scale`` says what a is: 1, for activations and for weights as in BinaryConnect (Courbariaux et al. 2015,
    arXiv:1511.00363) and BNN (arXiv:1602.02830); or the mean magnitude of x, over each channel along ``axis`` or over
    all of it, which is the a nearest to x (Rastegari et al. 2016, arXiv:1603.05279, eq. 6).
    The gradient of the sign is that of x / window cut at -1 and 1, so it is zero where x is outside the window.
    """

    domain = "lissom"

    scale: Literal["one", "channel", "tensor"] = "one"
    axis: int = 0
    window: float = 1.0

    def infer(self) -> TensorType:
        self.require(self.x.type.dtype.is_float, "floats", self.x.type)
        self.require(self.window > 0, "a window above 0", self.window)
        return self.x.type

    def run(self, x: torch.Tensor) -> torch.Tensor:
        one = torch.ones((), dtype=x.dtype, device=x.device)
        sign = torch.where(x >= 0, one, -one)
        if x.requires_grad:
            slope = torch.clamp(x / self.window, -1, 1)
            sign = slope + (sign - slope).detach()
        return sign if self.scale == "one" else sign * self.magnitude(x)

    def magnitude(self, x: torch.Tensor) -> torch.Tensor:
        """The scale of each channel, or of all, shaped to multiply x."""
        over = spread_over(self.scale, self.axis, x.ndim)
        return x.abs().mean(over, keepdim=True) if over else x.abs()

    def channels(self, flow: Flow) -> Layout:
        if self.scale == "one":
            return flow.of(self.x)
        (frozen,) = flow.opaque(self, "its scale is a mean over all of it")
        return frozen

    @staticmethod
    def samples() -> Iterable[Op]:
        scales: tuple[Spread, ...] = ("one", "channel", "tensor")
        for axis, scale in enumerate(scales):
            yield Binarize(value("x", 3, 4, 5), scale, axis)
        yield Binarize(value("x", symbol("N"), 7), window=0.5)
        yield Binarize(weight("w", 6, 3), "channel", 1)
