from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.axes import from_front
from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.normalization import require_broadcastable, stash
from lissom.ir.op import Op
from lissom.ir.samples import value, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class RMSNormalization(Op):
    """y = x / sqrt(mean(x^2) + epsilon) * scale, the mean over the axes from ``axis`` on.

    Zhang and Sennrich, Root Mean Square Layer Normalization, 2019. y has the dtype of scale.
    """

    x: Value
    scale: Value
    axis: int = -1
    epsilon: float = 1e-5
    stash_type: DType = DType.float32

    def infer(self) -> TensorType:
        from_front(self, self.axis, self.x.type.rank)
        require_broadcastable(self, self.x, self.scale)
        return TensorType(self.scale.type.dtype, self.x.type.shape)

    def run(self, x: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        wide = stash(x, self.stash_type)
        axes = tuple(range(self.axis % x.ndim, x.ndim))
        normalized = wide / torch.sqrt((wide * wide).mean(axes, keepdim=True) + self.epsilon)
        return normalized.to(x.dtype).to(scale.dtype) * scale

    def channels(self, flow: Flow) -> Layout:
        flow.statistic(self, self.x, range(self.axis % self.x.type.rank, self.x.type.rank))
        return flow.unify(self, *self.operands)

    @staticmethod
    def samples() -> Iterable[Op]:
        yield RMSNormalization(value("x", symbol("N"), symbol("T"), 6), weight("scale", 6))
        yield RMSNormalization(value("x", 2, 3, 4), weight("scale", 3, 4), axis=1, epsilon=1e-2)
        yield RMSNormalization(value("x", 2, 3, 4), weight("scale", 1), axis=-3)
        yield RMSNormalization(value("x", 2, 8, dtype=DType.float16), weight("scale", 8, dtype=DType.float16))
