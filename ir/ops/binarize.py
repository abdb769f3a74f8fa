from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.elementwise import Unary
from lissom.ir.families.quantization import expand
from lissom.ir.op import Op
from lissom.ir.samples import literal, value, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class Binarize(Unary):
    """y = scale * (1 where x >= 0, else -1): the decision to keep one bit of each element.

    Weights as in BinaryConnect (Courbariaux et al. 2015, arXiv:1511.00363), activations as in BNN (arXiv:1602.02830).
    ``scale``, where there is one, is a number or one for each channel along ``axis``; it may learn.
    The gradient of the sign is that of x / window cut at -1 and 1, so it is zero where x is outside the window.
    """

    domain = "lissom"

    scale: Value | None = None
    axis: int = 0
    window: float = 1.0

    def infer(self) -> TensorType:
        self.require(self.x.type.dtype.is_float, "floats", self.x.type)
        self.require(self.window > 0, "a window above 0", self.window)
        if self.scale is not None:
            self.require(self.scale.type.dtype is self.x.type.dtype, f"a {self.x.type.dtype} scale", self.scale.type)
            fits = self.scale.type.rank == 0 or self.scale.type.dims == (self.x.type.dims[self.axis],)
            self.require(fits, "one scale, or one for each channel", self.scale.type)
        return self.x.type

    def run(self, x: torch.Tensor, scale: torch.Tensor | None = None) -> torch.Tensor:
        one = torch.ones((), dtype=x.dtype, device=x.device)
        sign = torch.where(x >= 0, one, -one)
        if x.requires_grad:
            slope = torch.clamp(x / self.window, -1, 1)
            sign = slope + (sign - slope).detach()
        return sign if scale is None else sign * expand(scale, self.axis, x)

    def channels(self, flow: Flow) -> Layout:
        labels = range(self.x.type.rank)
        if self.scale is None or self.scale.type.rank == 0:
            return flow.of(self.x)
        return flow.einsum(self, [(self.x, labels), (self.scale, [self.axis % len(labels)])], labels)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 3, 4, 5)
        yield Binarize(x)
        yield Binarize(x, weight("s", 4, low=0.1), axis=1)
        yield Binarize(x, literal("s", 0.5, DType.float32))
        yield Binarize(value("x", symbol("N"), 7), window=0.5)
        yield Binarize(weight("w", 6, 3), weight("scale", 6, low=0.1))
