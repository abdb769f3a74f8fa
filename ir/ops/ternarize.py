from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.families.signs import spread_over
from lissom.ir.op import Op
from lissom.ir.samples import literal, value, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class Ternarize(Op):
    """y = a * (1 where x > t, -1 where x < -t, else 0): the decision to keep a sign or nothing of each weight.

    t = threshold * mean |x|, and a is the mean of |x| over what exceeds t; both over each channel along ``axis`` or
    over all of x (ternary weight networks, Li et al. 2016, arXiv:1605.04711, eq. 4 and 6).
    The gradient passes straight through.
    """

    domain = "lissom"

    x: Value
    scale: Literal["channel", "tensor"] = "channel"
    axis: int = 0
    threshold: float = 0.7

    def infer(self) -> TensorType:
        self.require(self.x.type.dtype.is_float, "floats", self.x.type)
        self.require(self.threshold >= 0, "a threshold of 0 or more", self.threshold)
        return self.x.type

    def run(self, x: torch.Tensor) -> torch.Tensor:
        signs, magnitude = self.parts(x.detach())
        y = (signs * magnitude).to(x.dtype)
        return x + (y - x).detach() if x.requires_grad else y

    def parts(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The signs, -1, 0 and 1, and the scale of each channel, or of all, shaped to multiply them."""
        over = spread_over(self.scale, self.axis, x.ndim)
        size = x.abs() if x.dtype == torch.float64 else x.abs().float()  # means of 16-bit floats need more bits
        mean = size.mean(over, keepdim=True) if over else size
        kept = (size > self.threshold * mean).to(size.dtype)
        count = kept.sum(over, keepdim=True) if over else kept
        total = (size * kept).sum(over, keepdim=True) if over else size * kept
        return torch.sign(x) * kept, total / count.clamp(min=1)

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        return flow.opaque(self, "its threshold is a mean over all of it")

    @staticmethod
    def samples() -> Iterable[Op]:
        yield Ternarize(weight("w", 4, 3, 2, 2))
        yield Ternarize(value("w", 6, 5), axis=1)
        yield Ternarize(value("w", 6, 5), "tensor", threshold=0.3)
        yield Ternarize(literal("w", [[0.0, 0.0], [1.0, -3.0]], DType.float32))
