"""The mean over all spatial axes is a global average pool."""

from __future__ import annotations

import numpy as np

from lissom.ir.ops.global_average_pool import GlobalAveragePool
from lissom.ir.ops.reduce_mean import ReduceMean
from lissom.ir.ops.squeeze import Squeeze
from lissom.ir.values import Const, Value
from lissom.passes.rule import Rule, rule


@rule
def global_average_pool(op: ReduceMean) -> Value | None:
    """ReduceMean of (N, C, *) over all of *  =>  GlobalAveragePool, then Squeeze where the axes go."""
    x = op.data
    if x.type.shape is None or x.type.rank < 4 or not x.type.dtype.is_float:
        return None
    if op.axes is not None and not isinstance(op.axes, Const):
        return None
    spatial = tuple(range(2, x.type.rank))
    if op.reduced_axes() != spatial:
        return None
    pooled = GlobalAveragePool(x)
    return pooled if op.keepdims else Squeeze(pooled, Const(np.array(spatial, np.int64)))


RULES: tuple[Rule, ...] = (global_average_pool,)
