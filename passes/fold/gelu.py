"""Gelu, as exporters spell it out, becomes one op; results move by rounding."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lissom.ir.ops.add import Add
from lissom.ir.ops.div import Div
from lissom.ir.ops.erf import Erf
from lissom.ir.ops.gelu import Gelu
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.pow import Pow
from lissom.ir.ops.tanh import Tanh
from lissom.ir.values import Value
from lissom.passes.fold.scalars import is_scalar
from lissom.passes.rule import Rule, rule


@rule
def gelu(op: Mul) -> Value | None:
    """x/2 * (1 + erf(x/sqrt(2)))  =>  Gelu; x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)))  =>  its tanh form."""
    for x, curve in _half_times_one_plus(op):
        match curve:
            case Erf(inner) if _is_times(inner, x, math.sqrt(0.5)):
                return Gelu(x)
            case Tanh(Mul(Add() as cubic, c)) if is_scalar(c, math.sqrt(2 / math.pi)) and _is_cubic(cubic, x):
                return Gelu(x, approximate="tanh")
    return None


def _half_times_one_plus(op: Mul) -> Iterator[tuple[Value, Value]]:
    """Every (x, f) for which ``op`` is ``x * (1 + f) * 0.5``, in whatever order the factors stand."""
    outer: list[tuple[Value | None, Value | None]] = []
    if is_scalar(op.b, 0.5) and isinstance(op.a, Mul):
        outer += [(op.a.a, op.a.b), (op.a.b, op.a.a)]
    for a, b in ((op.a, op.b), (op.b, op.a)):
        outer += [(_half_of(a), b), (a, _half_of(b))]
    for x, one_plus in outer:
        match one_plus:
            case Add(f, one) if x is not None and is_scalar(one, 1.0):
                yield x, f


def _half_of(value: Value | None) -> Value | None:
    """x for ``x * 0.5``."""
    match value:
        case Mul(x, half) if is_scalar(half, 0.5):
            return x
    return None


def _is_times(value: Value, x: Value, factor: float) -> bool:
    match value:
        case Mul(y, c):
            return y is x and is_scalar(c, factor)
        case Div(y, c):
            return y is x and is_scalar(c, 1 / factor)
    return False


def _is_cubic(value: Add, x: Value) -> bool:
    """``x + 0.044715 x**3``."""
    for a, b in ((value.a, value.b), (value.b, value.a)):
        match b:
            case Mul(Pow(y, three), c) if a is x and y is x and is_scalar(three, 3.0) and is_scalar(c, 0.044715):
                return True
            case Mul(Mul(y, Mul(z, u)), c) | Mul(Mul(Mul(y, z), u), c) if a is x and y is x and z is x and u is x:
                return is_scalar(c, 0.044715)
    return False


RULES: tuple[Rule, ...] = (gelu,)
