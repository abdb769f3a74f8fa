from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

from lissom.ir.channels.atoms import Layout, Unaligned
from lissom.ir.channels.flow import Flow
from lissom.ir.channels.kept import Kept
from lissom.ir.dims import symbol
from lissom.ir.families.normalization import stash
from lissom.ir.op import Op
from lissom.ir.samples import value, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class GroupNormalization(Op):
    """y[n,c] = (x[n,c] - mean) / sqrt(var + epsilon) * scale[c] + bias[c], statistics over the group of channels of c.

    Shapes: x (N, C, *), scale and bias (C); ``num_groups`` divides C. Wu and He, Group Normalization, 2018.
    """

    x: Value
    scale: Value
    bias: Value
    num_groups: int
    epsilon: float = 1e-5
    stash_type: DType = DType.float32

    def infer(self) -> TensorType:
        x = self.x.type
        self.require(x.rank >= 2, "x of rank 2 or more", x)
        channels = x.dims[1]
        if isinstance(channels, int):
            self.require(channels % self.num_groups == 0, f"channels in {self.num_groups} groups", channels)
        for v in (self.scale, self.bias):
            fits = v.type.rank == 1 and (v.type.dims[0] == channels or not isinstance(channels, int))
            self.require(fits, f"parameters of shape ({channels},)", v.type)
        return x

    def run(self, x: torch.Tensor, scale: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        wide = stash(x, self.stash_type)
        if wide.dtype is x.dtype:
            return torch.group_norm(x, self.num_groups, scale, bias, self.epsilon, False)
        channel = (-1, *[1] * (x.ndim - 2))
        normalized = torch.group_norm(wide, self.num_groups, None, None, self.epsilon, False).to(x.dtype)
        return normalized * scale.reshape(channel) + bias.reshape(channel)

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        labels = range(self.x.type.rank)
        flow.keep(self, self.x, labels[2:], "statistics are taken over it")
        if self.x.type.dims[1] != self.num_groups:
            try:
                flow.balance(self, self.x, 1, self.num_groups, "every group keeps equally many")
            except Unaligned:
                return flow.opaque(self, "its groups cut across the factors of its channels")
            flow.statistic(self, self.x, [1])
        return flow.einsum(self, [(self.x, labels), (self.scale, [1]), (self.bias, [1])], labels)

    def resized(self, operands: Mapping[Value, Value], kept: Kept) -> Op:
        if self.x.type.dims[1] != self.num_groups:
            return self._on(operands)
        return self._on(operands, num_groups=kept.size(self.x, 1))  # a group of one channel goes with it

    @staticmethod
    def samples() -> Iterable[Op]:
        yield GroupNormalization(value("x", 2, 6, 4, 5), weight("scale", 6), weight("bias", 6), 3)
        yield GroupNormalization(value("x", symbol("N"), 4, symbol("L")), weight("s", 4), weight("b", 4), 4)
        yield GroupNormalization(value("x", 2, 4, 3), weight("s", 4), weight("b", 4), 1, epsilon=1e-2)
        half = DType.float16
        yield GroupNormalization(
            value("x", 2, 4, 3, dtype=half), weight("s", 4, dtype=half), weight("b", 4, dtype=half), 2
        )
