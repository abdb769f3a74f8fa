"""One way to write what can be written in several, so that the other rules need to know only one."""

from __future__ import annotations

import numpy as np

from lissom.ir.ops.add import Add
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.div import Div
from lissom.ir.ops.leaky_relu import LeakyRelu
from lissom.ir.ops.max import Max
from lissom.ir.ops.min import Min
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.prelu import PRelu
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.sub import Sub
from lissom.ir.ops.sum import Sum
from lissom.ir.types import Array
from lissom.ir.values import Const, Value
from lissom.passes.rule import Rule, rule


@rule
def constant_right(op: Add | Mul) -> Value | None:
    """c + x, c * x  =>  x + c, x * c."""
    match op.a, op.b:
        case Const(), Const():
            return None
        case Const() as c, x:
            return op.replace(a=x, b=c)
    return None


@rule
def subtract_constant(op: Sub) -> Value | None:
    """x - c  =>  x + (-c); the same bits for floats."""
    match op.b:
        case Const(data) as c if op.type.dtype.is_float:
            return Add(op.a, c.replace(-data))
    return None


@rule
def divide_by_power_of_two(op: Div) -> Value | None:
    """x / c  =>  x * (1/c) where every c is a power of two with a normal reciprocal: the same bits."""
    match op.b:
        case Const(data) as c if op.type.dtype.is_float and data.size and _powers_of_two(data):
            return Mul(op.a, c.replace(np.reciprocal(data)))
    return None


def _powers_of_two(data: Array) -> bool:
    mantissa, exponent = np.frexp(data.astype(np.float64))
    return bool((np.abs(mantissa) == 0.5).all() and (np.abs(exponent) < 14).all())


@rule
def two_operands(op: Sum) -> Value | None:
    """Sum(a, b)  =>  a + b."""
    match op.inputs:
        case (a, b):
            return Add(a, b)
    return None


@rule
def bounds(op: Max | Min) -> Value | None:
    """max(x, scalar), min(x, scalar)  =>  Clip, where the scalar does not widen the shape."""
    match op.inputs:
        case (Const(), Const()):
            return None
        case (x, Const(c)) | (Const(c), x) if c.size == 1 and x.type == op.type and op.type.dtype.is_float:
            bound = Const(c.reshape(()))
            return Clip(x, bound, None) if isinstance(op, Max) else Clip(x, None, bound)
    return None


@rule
def nested_clips(op: Clip) -> Value | None:
    """Clip of a Clip or Relu, all bounds constant and not crossed  =>  one Clip."""
    inner = op.x
    if not isinstance(inner, Clip | Relu) or not op.type.dtype.is_float:
        return None
    first = (0.0, np.inf) if isinstance(inner, Relu) else bounds_of(inner)
    second = bounds_of(op)
    if first is None or second is None:
        return None
    low, high = max(first[0], second[0]), min(first[1], second[1])
    return clip(inner.x, low, high) if low <= high else None


@rule
def relu_of_clip(op: Relu) -> Value | None:
    """Relu(Relu(x)), Relu(Clip(x))  =>  one of them."""
    match op.x:
        case Relu() as inner:
            return inner
        case Clip() as inner if (found := bounds_of(inner)) is not None and found[1] >= 0:
            return inner if found[0] >= 0 else clip(inner.x, 0.0, found[1])
    return None


@rule
def clip_at_zero(op: Clip) -> Value | None:
    """Clip(x, min=0)  =>  Relu(x)."""
    return Relu(op.x) if bounds_of(op) == (0.0, np.inf) else None


@rule
def leaky_relu(op: Max) -> Value | None:
    """max(x, x * c) with a scalar 0 < c < 1  =>  LeakyRelu(x, alpha=c)."""
    match op.inputs:
        case (x, Mul(y, Const(c))) | (Mul(y, Const(c)), x) if x is y and c.size == 1 and 0 < c.item() < 1:
            return LeakyRelu(x, alpha=c.item()) if op.type == x.type and x.type.dtype.is_float else None
    return None


@rule
def one_slope(op: PRelu) -> Value | None:
    """PRelu with a single slope that is no parameter  =>  LeakyRelu."""
    match op.slope:
        case Const(c) as slope if c.size == 1 and not slope.trainable:
            return LeakyRelu(op.x, alpha=c.item())
    return None


def bounds_of(op: Clip) -> tuple[float, float] | None:
    """The constant bounds of a Clip, infinite where absent; None where one is computed."""
    found = []
    for bound, absent in ((op.min, -np.inf), (op.max, np.inf)):
        match bound:
            case None:
                found.append(absent)
            case Const(data):
                found.append(float(data.item()))
            case _:
                return None
    return found[0], found[1]


def clip(x: Value, low: float, high: float) -> Clip:
    """Clip with these bounds; an infinite one is left out."""
    low_high = [None if np.isinf(b) else Const(np.array(b, x.type.dtype.numpy)) for b in (low, high)]
    return Clip(x, *low_high)


RULES: tuple[Rule, ...] = (
    constant_right,
    subtract_constant,
    divide_by_power_of_two,
    two_operands,
    leaky_relu,
    bounds,
    nested_clips,
    relu_of_clip,
    clip_at_zero,
    one_slope,
)
