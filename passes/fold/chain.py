"""Sums and products with one constant after another become one."""

from __future__ import annotations

import numpy as np

from lissom.ir.ops.add import Add
from lissom.ir.ops.mul import Mul
from lissom.ir.types import Array
from lissom.ir.values import Const, Value
from lissom.passes.rule import Refused, Rule, read_once, rule

CANCELLED = 2.0**-10
"""Where a sum of two constants is smaller than this part of them, their rounding would show."""


@rule
def two_sums(op: Add) -> Value | None:
    """(x + c) + d  =>  x + (c + d); results move by rounding."""
    match op:
        case Add(Add(x, Const(c)) as inner, Const(d)) if read_once(inner) and _compact(c, d, inner.type == x.type):
            total = np.asarray(c + d)
            if op.type.dtype.is_float and (np.abs(total) < CANCELLED * np.maximum(np.abs(c), np.abs(d))).any():
                raise Refused("the two constants cancel, which rounds x on purpose or by accident")
            return Add(x, _merged(inner.b, op.b, total))
    return None


@rule
def two_products(op: Mul) -> Value | None:
    """(x * c) * d  =>  x * (c * d); results move by rounding."""
    match op:
        case Mul(Mul(x, Const(c)) as inner, Const(d)) if read_once(inner) and _compact(c, d, inner.type == x.type):
            with np.errstate(all="ignore"):
                total = np.asarray(c * d)
            lost = ~np.isfinite(total) | ((total == 0) & (c != 0) & (d != 0)) if op.type.dtype.is_float else False
            if np.any(lost):
                raise Refused("the product of the two constants overflows or vanishes")
            return Mul(x, _merged(inner.b, op.b, total))
    return None


def _compact(c: Array, d: Array, same_type: bool) -> bool:
    """The merged constant is no larger than the two, and x is not widened in between."""
    return same_type and np.broadcast(c, d).size <= max(c.size, d.size)


def _merged(c: Value, d: Value, data: Array) -> Const:
    assert isinstance(c, Const)
    assert isinstance(d, Const)
    return Const(data.astype(c.data.dtype), c.name, trainable=c.trainable or d.trainable, loc=c.loc)


RULES: tuple[Rule, ...] = (two_sums, two_products)
