"""Symbolic sizes against integer arithmetic: whatever the form, putting numbers in gives what numbers would give."""

from __future__ import annotations

import operator
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lissom.ir import dims
from lissom.ir.dims import Dim, SymDim, bind, parse_dim, symbol
from lissom.ir.errors import DataError, ParseError

# An expression is a number, a symbol's name, or (function, left, right); it can be computed both ways.
SYMBOLS = ("N", "H", "max", "odd name", "batch'size", "if", "ﬁ")
SYMBOLIC: dict[str, Any] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": dims.floordiv,
    "%": dims.mod,
    "ceil": dims.ceildiv,
    "max": dims.maximum,
    "min": dims.minimum,
}
NUMERIC: dict[str, Any] = {
    **{k: SYMBOLIC[k] for k in "+-*"},
    "//": operator.floordiv,
    "%": operator.mod,
    "ceil": lambda a, b: -(-a // b),
    "max": max,
    "min": min,
}

leaves = st.integers(-6, 6) | st.sampled_from(SYMBOLS)
expressions = st.recursive(
    leaves, lambda inner: st.tuples(st.sampled_from(sorted(SYMBOLIC)), inner, inner), max_leaves=6
)
sizes = st.fixed_dictionaries({name: st.integers(1, 9) for name in SYMBOLS})


def symbolic(e: Any) -> Dim:
    match e:
        case str():
            return symbol(e)
        case int():
            return e
        case (function, left, right):
            return SYMBOLIC[function](symbolic(left), symbolic(right))
    raise AssertionError(e)


def numeric(e: Any, values: dict[str, int]) -> int:
    match e:
        case str():
            return values[e]
        case int():
            return e
        case (function, left, right):
            return NUMERIC[function](numeric(left, values), numeric(right, values))
    raise AssertionError(e)


def both(e: Any, values: dict[str, int]) -> tuple[Dim, int]:
    """The dim of ``e`` and its number; expressions that divide by zero are passed over."""
    try:
        return symbolic(e), numeric(e, values)
    except ZeroDivisionError:
        assume(False)
        raise


@given(expressions, sizes)
def test_bind_gives_what_numbers_give(e: Any, values: dict[str, int]) -> None:
    dim, expected = both(e, values)
    assert bind(dim, values) == expected


@given(expressions, sizes, st.sets(st.sampled_from(SYMBOLS)))
def test_bind_in_two_steps(e: Any, values: dict[str, int], first: set[str]) -> None:
    dim, expected = both(e, values)
    try:
        partly = bind(dim, {name: values[name] for name in first})
    except ZeroDivisionError:
        assume(False)
        raise
    assert dims.symbols(partly).isdisjoint(first)
    assert bind(partly, values) == expected


@given(expressions)
def test_text_round_trip(e: Any) -> None:
    try:
        dim = symbolic(e)
    except ZeroDivisionError:
        assume(False)
        raise
    assert parse_dim(str(dim)) == dim


@given(expressions, expressions)
def test_equal_polynomials_are_equal(e: Any, f: Any) -> None:
    try:
        a, b = symbolic(e), symbolic(f)
    except ZeroDivisionError:
        assume(False)
        raise
    assert a + b - b == a
    assert a * b == b * a
    assert (a + b) * b == a * b + b * b
    assert hash(a + b) == hash(b + a)
    assert a - a == 0


@given(expressions, expressions, sizes)
def test_exact_division(e: Any, f: Any, values: dict[str, int]) -> None:
    (a, _), (b, number) = both(e, values), both(f, values)
    assume(number != 0)
    quotient = dims.divides(a, b)
    if quotient is not None:
        assert bind(quotient * b, values) == bind(a, values)
    if isinstance(a, int) and isinstance(b, int) and b:
        assert (quotient is not None) == (a % b == 0)
    if b != 0:
        assert dims.divides(a * b, b) is None or bind(a, values) == bind(dims.divides(a * b, b) or 0, values)


@given(st.integers(-5, 5).filter(bool), st.integers(-9, 9), st.integers(0, 50))
def test_solve(coefficient: int, constant: int, value: int) -> None:
    dim = coefficient * symbol("S") + constant
    assert dims.solve(dim, coefficient * value + constant) == ("S", value)
    if abs(coefficient) > 1:
        assert dims.solve(dim, coefficient * value + constant + 1) is None


def test_solve_knows_its_limits() -> None:
    n, m = symbol("N"), symbol("M")
    for dim in (3, n + m, n * n, n // 2, dims.maximum(n, 4)):
        assert dims.solve(dim, 4) is None


def test_forms_print_as_people_write_them() -> None:
    h, w = symbol("H"), symbol("W")
    assert str(2 * h + 1) == "2*H+1"
    assert str((h - 1) // 2 + 1) == str((h + 1) // 2) == "(H+1)//2"
    assert str(dims.mod(7, h // 2)) == "7 % (H//2)"
    assert str(h * w * 2 - w + 3) == "2*H*W-W+3"
    assert (4 * h + 1) // 4 == h
    assert (4 * h) % 2 == 0
    assert isinstance(h - h + 7, int)
    assert dims.product((2, h, 3)) == 6 * h


def test_broadcast() -> None:
    n, m = symbol("N"), symbol("M")
    assert dims.broadcast(n, 1) == dims.broadcast(1, n) == dims.broadcast(n, n) == n
    assert dims.broadcast(n, 5) == 5
    with pytest.raises(ValueError, match="sizes 2 and 3 do not broadcast"):
        dims.broadcast(2, 3)
    both_unknown = dims.broadcast(n, m)
    assert isinstance(both_unknown, SymDim)
    assert bind(both_unknown, {"N": 1, "M": 6}) == 6
    assert bind(both_unknown, {"N": 6, "M": 1}) == 6
    assert bind(both_unknown, {"M": 1}) == n
    with pytest.raises((DataError, ValueError), match="do not broadcast"):
        bind(both_unknown, {"N": 2, "M": 3})


@pytest.mark.parametrize("text", ["", "N+", "1.5", "N/2", "f(N)", "max(N)", "[N]", "True", "N if N else 1"])
def test_what_is_no_dim_is_refused(text: str) -> None:
    with pytest.raises(ParseError, match="not a dim"):
        parse_dim(text)
