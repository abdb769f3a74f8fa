"""Bounds of symbolic sizes against the numbers they take; slices against Python's own."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from lissom.ir import bounds, dims
from lissom.ir.dims import Dim, bind, symbol
from lissom.ir.spans import positions, span

NAMES = {"N": 1, "H": 1, "_u3": 0}  # the smallest size each symbol may stand for
FUNCTIONS: dict[str, Any] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": dims.floordiv,
    "%": dims.mod,
    "ceil": dims.ceildiv,
    "max": bounds.maximum,
    "min": bounds.minimum,
}
leaves = st.integers(-6, 6) | st.sampled_from(sorted(NAMES)).map(symbol)
sizes = st.fixed_dictionaries({name: st.integers(low, 7) for name, low in NAMES.items()})


@st.composite
def sized(draw: st.DrawFn, depth: int = 2) -> Dim:
    if depth == 0 or draw(st.booleans()):
        return draw(leaves)
    function = draw(st.sampled_from(sorted(FUNCTIONS)))
    left, right = draw(sized(depth - 1)), draw(sized(depth - 1))
    if function in ("//", "%", "ceil"):
        right = abs(right) + 1 if isinstance(right, int) else 3
    made: Dim = FUNCTIONS[function](left, right)
    return made


@given(sized(), sizes)
def test_bounds_hold(dim: Dim, values: dict[str, int]) -> None:
    number = bind(dim, values)
    low, high = bounds.at_least(dim), bounds.at_most(dim)
    assert isinstance(number, int)
    assert low is None or low <= number
    assert high is None or number <= high


@given(sized(), sized(), sizes)
def test_choices_by_bounds_are_right(a: Dim, b: Dim, values: dict[str, int]) -> None:
    assert bind(bounds.maximum(a, b), values) == max(bind(a, values), bind(b, values))  # type: ignore[type-var]
    assert bind(bounds.minimum(a, b), values) == min(bind(a, values), bind(b, values))  # type: ignore[type-var]


ends = st.integers(-9, 9) | st.sampled_from((2**31 - 1, 2**63 - 1, -(2**31), -(2**63)))


@given(ends, ends, st.integers(-3, 3).filter(bool), st.integers(0, 6))
def test_slices_are_those_of_python(start: int, end: int, step: int, size: int) -> None:
    assume(step > 0 or -size <= start)  # going backwards, ONNX clips a start before the first element to it
    assert list(positions(start, end, step, size)) == list(range(size)[start:end:step])


@given(sized(), sized(), st.integers(-3, 3).filter(bool), sized(), sizes)
def test_symbolic_slices_are_those_of_the_numbers(
    start: Dim, end: Dim, step: int, size: Dim, values: dict[str, int]
) -> None:
    low = bounds.at_least(size)
    assume(low is not None and low >= 0)
    taken = span(start, end, step, size)
    assume(taken is not None)
    assert taken is not None
    first, n = (bind(d, values) for d in taken)
    numbers = [bind(d, values) for d in (start, end, size)]
    expected = span(numbers[0], numbers[1], step, numbers[2])
    assert expected is not None
    assert n == expected[1]
    assert n == 0 or first == expected[0]


def test_sizes_stay_simple() -> None:
    n, h = symbol("N"), symbol("H")
    assert bounds.maximum(n - 1, 0) == n - 1
    assert bounds.maximum(dims.ceildiv(h, 2), 0) == dims.floordiv(h + 1, 2)
    assert span(0, n, 1, n) == (0, n)
    assert span(1, 2**63 - 1, 1, n) == (1, n - 1)
    assert span(-1, -(2**63), -1, n) == (n - 1, n)
    assert span(0, -1, 2, 2 * n) == (0, n)
    assert span(n, n + h, 1, 2 * n + h) == (n, h)
    assert span(n - h, n, 1, n) is None, "n - h may count from the front or from the end"
