from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.normalization import stash
from lissom.ir.op import Op
from lissom.ir.samples import value, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class InstanceNormalization(Op):
    """y[n,c] = (x[n,c] - mean) / sqrt(var + epsilon) * scale[c] + b[c], statistics over the spatial axes of x[n,c].

    Shapes: input (N, C, *), scale and b (C). Ulyanov et al., Instance Normalization, 2016.
    """

    input: Value
    scale: Value
    b: Value
    epsilon: float = 1e-5

    def infer(self) -> TensorType:
        x = self.input.type
        self.require(x.rank >= 3, "an input of rank 3 or more", x)
        for v in (self.scale, self.b):
            fits = v.type.rank == 1 and (v.type.dims[0] == x.dims[1] or not isinstance(x.dims[1], int))
            self.require(fits, f"parameters of shape ({x.dims[1]},)", v.type)
        return x

    def run(self, x: torch.Tensor, scale: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        wide = stash(x, DType.float32)
        var, mean = torch.var_mean(wide, tuple(range(2, x.ndim)), correction=0, keepdim=True)
        channel = (-1, *[1] * (x.ndim - 2))
        normalized = (wide - mean) * torch.rsqrt(var + self.epsilon)
        return (normalized * scale.reshape(channel) + b.reshape(channel)).to(x.dtype)

    def channels(self, flow: Flow) -> Layout:
        labels = range(self.input.type.rank)
        flow.keep(self, self.input, labels[2:], "statistics are taken over it")
        return flow.einsum(self, [(self.input, labels), *((v, [1]) for v in self.operands[1:])], labels)

    @staticmethod
    def samples() -> Iterable[Op]:
        yield InstanceNormalization(value("x", 2, 3, 4, 5), weight("scale", 3), weight("b", 3))
        yield InstanceNormalization(value("x", symbol("N"), 3, symbol("L")), weight("scale", 3), weight("b", 3))
        yield InstanceNormalization(value("x", 1, 2, 3, 2, 2), weight("scale", 2), weight("b", 2), epsilon=1e-2)
