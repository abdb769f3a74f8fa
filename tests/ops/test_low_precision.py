"""Every op on half floats computes what it computes on float32, to within a few roundings."""

from __future__ import annotations

import numpy as np
import pytest

from lissom.ir.errors import TypeMismatch
from lissom.ir.interpreter import evaluate
from lissom.ir.op import Op
from lissom.ir.samples import sample_feed, sample_graph, sample_sizes
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Const, Input, Value

ROUNDINGS = 20
"""Allowed error of an element, in units of its last place; elements near 0 get those of 1/20 of the largest one."""


def with_floats_as(op: Op, dtype: DType, through: DType) -> Op:
    """The sample with float32 operands as ``dtype``, constants rounded to ``through`` first."""
    twins: dict[Value, Value] = {}
    for v in op.operands:
        if v.type.dtype is not DType.float32:
            twins[v] = v
        elif isinstance(v, Const):
            twins[v] = Const(v.data.astype(through.numpy).astype(dtype.numpy), v.name)
        else:
            twins[v] = Input(v.name, TensorType(dtype, v.type.shape), origin=v.origin)
    copy = op._copy(twins)
    copy._infer()
    return copy


def applies(sample: Op) -> bool:
    """Whether the sample maps float32 to float32, and takes half floats just as well."""
    if sample.type.dtype is not DType.float32 or not all(isinstance(v, Input | Const) for v in sample.operands):
        return False
    try:
        return with_floats_as(sample, DType.float16, DType.float16).type.dtype is DType.float16
    except TypeMismatch:
        return False


@pytest.mark.parametrize("dtype", [DType.float16, DType.bfloat16], ids=str)
def test_half_floats(sample: Op, dtype: DType) -> None:
    low, wide = with_floats_as(sample, dtype, dtype), with_floats_as(sample, DType.float32, dtype)
    sizes = sample_sizes(sample)
    feed = sample_feed(low, sizes)
    ours = evaluate(sample_graph(low, sizes), *feed)
    exact = evaluate(sample_graph(wide, sizes), *(a.astype(np.float32) if is_half(a) else a for a in feed))
    for r, a, b in zip(low.results, ours, exact, strict=True):
        if r.type.dtype is not dtype:
            continue
        x, y = a.astype(np.float64), b.astype(np.float64)
        unit = 2.0**-11 if dtype is DType.float16 else 2.0**-8
        allowed = ROUNDINGS * unit * (np.abs(y) + np.max(np.abs(y), initial=0.0) / 20)
        assert np.all(np.abs(x - y) <= allowed)


def is_half(array: Array) -> bool:
    return array.dtype in (DType.float16.numpy, DType.bfloat16.numpy)
