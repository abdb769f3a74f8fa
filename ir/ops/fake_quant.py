from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.quantization import RANGES, expand
from lissom.ir.op import Op
from lissom.ir.samples import literal, value, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class _OnGrid(torch.autograd.Function):
    """x on a grid, with the gradients that :class:`FakeQuant` names. ``chosen`` are integers or None."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, scale: Tensor, zero_point: Tensor, chosen: Tensor | None, low: int, high: int
    ) -> Tensor:
        q = (x / scale).round_().add_(zero_point) if chosen is None else chosen.to(scale.dtype)
        within = (q >= low) & (q <= high)
        y = q.clamp_(low, high).sub_(zero_point).mul_(scale)
        learns = any(ctx.needs_input_grad[1:3])
        ctx.save_for_backward(*((within, x, y, scale, zero_point) if learns else (within,)))
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (of_y,) = gradients
        within, *rest = ctx.saved_tensors
        of_x, of_scale, of_zero_point = of_y * within, None, None
        if rest:
            x, y, scale, zero_point = rest
            if ctx.needs_input_grad[1]:
                of_scale = ((of_y * y - of_x * x) / scale).sum_to_size(scale.shape)
            if ctx.needs_input_grad[2]:
                of_zero_point = ((of_x - of_y) * scale).sum_to_size(zero_point.shape)
        return of_x, of_scale, of_zero_point, None, None, None


class _Rounded(torch.autograd.Function):
    """A zero point under training as the integer it stands for; the gradient passes straight through."""

    @staticmethod
    def forward(ctx: Any, zero_point: Tensor, dtype: DType) -> Tensor:
        return whole(zero_point, dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


def whole(zero_point: Tensor, dtype: DType) -> Tensor:
    """A zero point under training as the integer it stands for, still in float."""
    return torch.round(zero_point).clamp(*RANGES[dtype])


def _slowed(parameter: Tensor, factor: float) -> Tensor:
    """``parameter``, its gradient times ``factor``."""
    if factor == 1 or not parameter.requires_grad:
        return parameter
    fixed = parameter.detach()
    return fixed + (parameter - fixed) * factor


class FakeQuant(Op):
    """y = (clamp(round_half_even(x / scale) + zero_point, low, high) - zero_point) * scale: x on the grid of integers.

    The decision to quantize a value, still in float. ``scale`` and ``zero_point`` are scalars or one per channel along
    ``axis``; the zero point has the integer type the value is to get, ``low`` and ``high`` may narrow its range.
    ``chosen`` holds the integers of x, of its shape, where something better than rounding to nearest was found for
    them: then y = (chosen - zero_point) * scale, and x is what they stand for.

    The gradient of x passes straight through where it rounds to within the range, and is zero outside (Jacob et al.,
    arXiv:1712.05877).
    A scale that learns has that of LSQ (Esser et al. 2020, arXiv:1902.08153, eq. 3), round(x / scale) - x / scale
    within the range and its end outside; a zero point that learns comes as float, is rounded here, and has that of
    LSQ+ (Bhalgat et al. 2020, arXiv:2004.09576). Both are multiplied by ``grad_factor``.
    """

    domain = "lissom"

    x: Value
    scale: Value
    zero_point: Value
    low: int
    high: int
    axis: int = 0
    chosen: Value | None = None
    grad_factor: float = 1.0

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

    def run(self, x: Tensor, scale: Tensor, zero_point: Tensor, chosen: Tensor | None = None) -> Tensor:
        if zero_point.is_floating_point():
            latent = _slowed(zero_point, self.grad_factor)
            rounded: Tensor = _Rounded.apply(latent, self.zero_point.type.dtype)  # type: ignore[no-untyped-call]
            zero_point = rounded
        s = expand(_slowed(scale, self.grad_factor), self.axis, x)
        z = expand(zero_point, self.axis, x).to(s.dtype)
        if torch.is_grad_enabled() and (x.requires_grad or s.requires_grad or z.requires_grad):
            y: Tensor = _OnGrid.apply(x, s, z, chosen, self.low, self.high)  # type: ignore[no-untyped-call]
            return y
        q = (x / s).round_().add_(z) if chosen is None else chosen.to(s.dtype)
        return q.clamp_(self.low, self.high).sub_(z).mul_(s)

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
