from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.op import Op
from lissom.ir.samples import value, weight
from lissom.ir.types import TensorType
from lissom.ir.values import Value


class FoldBatchNormalization(Op):
    """The weights and the bias of a layer with the batch normalization behind it folded in; both are trained on.

    With k = scale / sqrt(input_var + epsilon), one for each output channel, along ``axis`` of w:
    folded w = w * k, folded b = (b - input_mean) * k + shift. What rounds the folded weights sees what inference has
    (Jacob et al. 2018, arXiv:1712.05877, section 3.2 and eq. 14). Shapes: all but w (C).
    """

    domain = "lissom"

    w: Value
    scale: Value
    shift: Value
    input_mean: Value
    input_var: Value
    b: Value | None = None
    axis: int = 0
    epsilon: float = 1e-5
    momentum: float = 0.9

    def infer(self) -> tuple[TensorType, TensorType]:
        self.require(0 <= self.axis < self.w.type.rank, f"an axis below {self.w.type.rank}", self.axis)
        count = self.w.type.dims[self.axis]
        for v in self.operands[1:]:
            self.require(v.type.dims == (count,), f"parameters of shape ({count},)", v.type)
        return self.w.type, self.shift.type

    def run(
        self,
        w: torch.Tensor,
        scale: torch.Tensor,
        shift: torch.Tensor,
        input_mean: torch.Tensor,
        input_var: torch.Tensor,
        b: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        k = scale / torch.sqrt(input_var + self.epsilon)
        shape = [1] * w.ndim
        shape[self.axis] = -1
        offset = -input_mean if b is None else b - input_mean
        return w * k.reshape(shape), offset * k + shift

    def channels(self, flow: Flow) -> tuple[Layout, Layout]:
        labels = range(self.w.type.rank)
        per_channel = [(v, [self.axis]) for v in self.operands[1:]]
        return (
            flow.einsum(self, [(self.w, labels), *per_channel], labels),
            flow.einsum(self, per_channel, [self.axis]),
        )

    @staticmethod
    def samples() -> Iterable[Op]:
        for axis, count in enumerate((4, 3)):
            p = (weight("scale", count), weight("shift", count), weight("mean", count))
            var = weight("var", count, low=0.2, high=2.0)
            yield FoldBatchNormalization(value("w", 4, 3), *p, var, axis=axis)
            yield FoldBatchNormalization(value("w", 4, 3, 2, 2), *p, var, weight("b", count), axis=axis, epsilon=1e-3)
