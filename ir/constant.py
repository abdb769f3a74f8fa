"""Values that depend on constants alone: weights as they are, masked, or computed from other parameters."""

from __future__ import annotations

import torch

from lissom.ir.interpreter import run_op
from lissom.ir.tensors import to_array, to_tensor
from lissom.ir.types import Array
from lissom.ir.values import Const, Value, producer

LIMIT = 16
"""Ops that are looked at before a value counts as no constant: otherwise each question could walk a network."""


def is_constant(value: Value) -> bool:
    """Whether ``value`` is a constant, or computed from constants alone by a few ops."""
    pending, seen = [value], 0
    while pending:
        value = pending.pop()
        if isinstance(value, Const):
            continue
        op, seen = producer(value), seen + 1
        if op is None or not op.operands or seen > LIMIT:
            return False
        pending += op.operands
    return True


def constant_data(value: Value) -> Array:
    """The elements of a value that :func:`is_constant`, as the interpreter computes them."""
    if isinstance(value, Const):
        return value.data
    op = producer(value)
    assert op is not None
    with torch.no_grad():
        results = run_op(op, {v: to_tensor(constant_data(v), v.type.dtype) for v in op.operands})
    return next(to_array(t, r.type.dtype) for r, t in zip(op.results, results, strict=False) if r is value)
