"""What can be said about a symbolic size without knowing it.

A named size is taken to be 1 or more, as exporters do; one that data decide (:mod:`lissom.ir.unknown`) may be 0.
"""

from __future__ import annotations

from lissom.ir import dims
from lissom.ir.dims import Atom, Call, Dim, Monomial, Symbol
from lissom.ir.unknown import is_unknown


def at_least(dim: Dim) -> int | None:
    """A number that ``dim`` is never below; None when none is known."""
    if isinstance(dim, int):
        return dim
    total = 0
    for monomial, coefficient in dim.terms:
        low = _below(monomial) if coefficient > 0 else _above(monomial)
        if low is None:
            return None
        total += coefficient * low
    return total


def at_most(dim: Dim) -> int | None:
    """A number that ``dim`` is never above; None when none is known."""
    low = at_least(-dim)
    return None if low is None else -low


def _below(monomial: Monomial) -> int | None:
    """A lower bound of a product of factors, none of them negative."""
    total = 1
    for atom in monomial:
        low = _atom_at_least(atom)
        if low is None or (low < 0 and len(monomial) > 1):
            return None
        total *= low
    return total


def _above(monomial: Monomial) -> int | None:
    """An upper bound: only functions have one, and they are looked at alone."""
    match monomial:
        case ():
            return 1
        case (Call() as call,):
            return _atom_at_most(call)
    return None


def _atom_at_least(atom: Atom) -> int | None:
    if isinstance(atom, Symbol):
        return 0 if is_unknown(atom.name) else 1
    a, b = (at_least(arg) for arg in atom.args)
    divisor = atom.args[1]
    match atom.function:
        case "floordiv" if a is not None and isinstance(divisor, int) and divisor > 0:
            return a // divisor
        case "floordiv" if a is not None and b is not None and a >= 0 and b > 0:
            return 0
        case "mod" if b is not None and b > 0:
            return 0
        case "min" | "broadcast" if a is not None and b is not None:
            return min(a, b)
        case "max":
            return max((low for low in (a, b) if low is not None), default=None)
    return None


def _atom_at_most(call: Call) -> int | None:
    a, b = (at_most(arg) for arg in call.args)
    divisor = call.args[1]
    match call.function:
        case "floordiv" if a is not None and isinstance(divisor, int) and divisor > 0:
            return a // divisor
        case "mod" if isinstance(divisor, int) and divisor > 0:
            return divisor - 1
        case "max" if a is not None and b is not None:
            return max(a, b)
        case "min":
            return min((high for high in (a, b) if high is not None), default=None)
    return None


def is_at_least(a: Dim, b: Dim) -> bool:
    """True when ``a >= b`` for every value of the symbols; False when that is not known."""
    low = at_least(a - b)
    return low is not None and low >= 0


def maximum(a: Dim, b: Dim) -> Dim:
    """The larger of two sizes: one of them where the bounds decide, ``max(a, b)`` otherwise."""
    return a if is_at_least(a, b) else b if is_at_least(b, a) else dims.maximum(a, b)


def minimum(a: Dim, b: Dim) -> Dim:
    """The smaller of two sizes: one of them where the bounds decide, ``min(a, b)`` otherwise."""
    return b if is_at_least(a, b) else a if is_at_least(b, a) else dims.minimum(a, b)


def clip(dim: Dim, low: Dim, high: Dim) -> Dim:
    """``dim`` brought into ``[low, high]``."""
    return maximum(low, minimum(dim, high))
