from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F

from lissom.ir.axes import from_front
from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.normalization import require_broadcastable, stash
from lissom.ir.op import Op
from lissom.ir.samples import value, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class LayerNormalization(Op):
    """y = (x - mean) / sqrt(var + epsilon) * scale + b, mean and variance over the axes from ``axis`` on.

    ``results_used`` up to 3 gives the mean and the inverse standard deviation as well, with those axes of size 1, in
    ``stash_type``, which is also the type they are computed in.
    """

    x: Value
    scale: Value
    b: Value | None = None
    axis: int = -1
    epsilon: float = 1e-5
    stash_type: DType = DType.float32
    results_used: int = 1

    def infer(self) -> tuple[TensorType, ...]:
        shape = self.x.type.dims
        axis = from_front(self, self.axis, len(shape))
        require_broadcastable(self, self.x, self.scale, self.b)
        statistic = TensorType(self.stash_type, (*shape[:axis], *[1] * (len(shape) - axis)))
        return (self.x.type, statistic, statistic)[: self.results_used]

    def run(
        self, x: torch.Tensor, scale: torch.Tensor, b: torch.Tensor | None = None
    ) -> torch.Tensor | tuple[torch.Tensor, ...]:
        over = x.shape[self.axis % x.ndim :]
        wide = stash(x, self.stash_type)
        if self.results_used == 1 and wide.dtype is x.dtype and scale.shape == over and (b is None or b.shape == over):
            return F.layer_norm(x, over, scale, b, self.epsilon)
        axes = tuple(range(x.ndim - len(over), x.ndim))
        var, mean = torch.var_mean(wide, axes, correction=0, keepdim=True)
        inverse = torch.rsqrt(var + self.epsilon)
        y = ((wide - mean) * inverse).to(x.dtype) * scale
        y = y if b is None else y + b
        return (y, mean.to(self.stash_type.torch), inverse.to(self.stash_type.torch))[: self.results_used]

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        if self.results_used > 1:
            return flow.opaque(self, "its statistics are read")
        flow.statistic(self, self.x, range(self.axis % self.x.type.rank, self.x.type.rank))
        return flow.unify(self, *self.operands)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 2, 3, 4)
        yield LayerNormalization(value("x", symbol("N"), symbol("T"), 6), weight("scale", 6), weight("b", 6))
        yield LayerNormalization(x, weight("scale", 4), epsilon=1e-2)
        yield LayerNormalization(x, weight("scale", 3, 4), weight("b", 3, 4), axis=1, results_used=3)
        yield LayerNormalization(x, weight("scale", 4), weight("b", 3, 1), axis=0, results_used=2)
        yield LayerNormalization(
            value("x", 2, 8, dtype=DType.float16),
            weight("scale", 8, dtype=DType.float16),
            weight("b", 8, dtype=DType.float16),
        )
