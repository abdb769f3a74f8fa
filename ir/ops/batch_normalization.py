from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.op import Op
from lissom.ir.samples import value, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class BatchNormalization(Op):
    """y[n,c] = (x[n,c] - input_mean[c]) / sqrt(input_var[c] + epsilon) * scale[c] + b[c].

    Shapes: x (N, C, *), all others (C). With ``training_mode`` mean and (biased) variance are those of the batch, and
    there are two more results: ``input_mean * momentum + mean * (1 - momentum)``, and the same for the variance.
    """

    x: Value
    scale: Value
    b: Value
    input_mean: Value
    input_var: Value
    epsilon: float = 1e-5
    momentum: float = 0.9
    training_mode: bool = False

    def infer(self) -> TensorType | tuple[TensorType, ...]:
        self.require(self.x.type.rank >= 2, "x of rank 2 or more", self.x.type)
        channels = self.x.type.dims[1]
        for v in (self.scale, self.b, self.input_mean, self.input_var):
            fits = v.type.rank == 1 and (not isinstance(channels, int) or v.type.dims[0] in (channels, *_symbolic(v)))
            self.require(fits, f"parameters of shape ({channels},)", v.type)
        if not self.training_mode:
            return self.x.type
        return (self.x.type, self.input_mean.type, self.input_var.type)

    def run(
        self, x: torch.Tensor, scale: torch.Tensor, b: torch.Tensor, input_mean: torch.Tensor, input_var: torch.Tensor
    ) -> torch.Tensor | tuple[torch.Tensor, ...]:
        wide = torch.promote_types(x.dtype, torch.promote_types(scale.dtype, input_mean.dtype))
        if wide in (torch.float16, torch.bfloat16):
            wide = torch.float32
        data, scale, b = x.to(wide), scale.to(wide), b.to(wide)
        if not self.training_mode:
            y = F.batch_norm(data, input_mean.to(wide), input_var.to(wide), scale, b, False, 0.0, self.epsilon)
            return y.to(x.dtype)
        mean, var = torch.zeros_like(input_mean, dtype=wide), torch.ones_like(input_var, dtype=wide)
        y = F.batch_norm(data, mean, var, scale, b, True, 1.0, self.epsilon)  # leaves the statistics of the batch there
        count = data.numel() // data.shape[1]
        var = var * ((count - 1) / count)  # which is unbiased there
        kept, fresh = self.momentum, 1 - self.momentum
        return (
            y.to(x.dtype),
            (input_mean.to(wide) * kept + mean * fresh).to(input_mean.dtype),
            (input_var.to(wide) * kept + var * fresh).to(input_var.dtype),
        )

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        if len(self.results) > 1:
            return flow.opaque(self, "it computes the statistics it returns")
        labels = range(self.x.type.rank)
        return flow.einsum(self, [(self.x, labels), *((v, [1]) for v in self.operands[1:])], labels)

    @staticmethod
    def samples() -> Iterable[Op]:
        p = (weight("scale", 3), weight("b", 3), weight("mean", 3), weight("var", 3, low=0.2, high=2.0))
        yield BatchNormalization(value("x", 2, 3, 4, 5), *p)
        yield BatchNormalization(value("x", symbol("N"), 3), *p, epsilon=1e-3)
        yield BatchNormalization(value("x", symbol("N"), 3, symbol("L")), *p)
        yield BatchNormalization(value("x", 2, 3, 4, 5), *p, training_mode=True, momentum=0.75)
        yield BatchNormalization(value("x", 2, 3, 4, dtype=DType.float16), *p)


def _symbolic(v: Value) -> tuple[object, ...]:
    return tuple(d for d in v.type.dims if not isinstance(d, int))
