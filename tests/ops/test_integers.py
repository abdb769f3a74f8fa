"""Integer arithmetic, comparison and bit operations agree with numpy over the whole range of every integer type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lissom.ir.interpreter import evaluate
from lissom.ir.op import OPS, Op
from lissom.ir.samples import sample_graph, value
from lissom.ir.types import Array, DType

INTEGERS = [DType[s + str(b)] for s in ("int", "uint") for b in (8, 16, 32, 64)]


def truncated(a: Array, b: Array) -> Array:
    """a / b toward zero, by Python's unbounded integers."""
    pairs = zip(a.tolist(), b.tolist(), strict=True)
    quotients = [abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1) for x, y in pairs]
    return np.array([wrap(q, a.dtype) for q in quotients], a.dtype)


def wrap(number: int, dtype: np.dtype[Any]) -> int:
    bits = dtype.itemsize * 8
    low = number & ((1 << bits) - 1)
    return low - (1 << bits) if dtype.kind == "i" and low >> (bits - 1) else low


def shifted(a: Array, b: Array, direction: str) -> Array:
    """Shifts by Python's unbounded integers; a negative or too large count moves every bit out."""
    bits = a.dtype.itemsize * 8
    counts = [c if 0 <= c < bits else bits for c in b.tolist()]
    move = (lambda x, c: x << c) if direction == "LEFT" else (lambda x, c: x >> c)
    return np.array([wrap(move(x, c), a.dtype) for x, c in zip(a.tolist(), counts, strict=True)], a.dtype)


BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "BitwiseAnd": np.bitwise_and,
    "BitwiseOr": np.bitwise_or,
    "BitwiseXor": np.bitwise_xor,
    "Equal": np.equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
}


@st.composite
def pairs(draw: st.DrawFn) -> tuple[DType, Array, Array]:
    dtype = draw(st.sampled_from(INTEGERS))
    info = np.iinfo(dtype.numpy)
    elements = st.integers(int(info.min), int(info.max))
    a = draw(arrays(dtype.numpy, 8, elements=elements))
    return dtype, a, draw(arrays(dtype.numpy, 8, elements=elements))


def computed(op: Op, *feed: Array) -> Array:
    (y,) = evaluate(sample_graph(op), *feed)
    return y


@pytest.mark.parametrize("name", BINARY)
@settings(max_examples=60, deadline=None)
@given(drawn=pairs())
def test_binary(name: str, drawn: tuple[DType, Array, Array]) -> None:
    dtype, a, b = drawn
    op = OPS[name](value("a", 8, dtype=dtype), value("b", 8, dtype=dtype))
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(computed(op, a, b), BINARY[name](a, b))


@settings(max_examples=200, deadline=None)
@given(drawn=pairs())
def test_division(drawn: tuple[DType, Array, Array]) -> None:
    dtype, a, b = drawn
    b = np.where(b == 0, np.ones_like(b), b)
    if dtype.value.startswith("int"):  # the one quotient that does not fit traps in C
        b = np.where((a == np.iinfo(a.dtype).min) & (b == -1), np.ones_like(b), b)
    x, y = value("a", 8, dtype=dtype), value("b", 8, dtype=dtype)
    np.testing.assert_array_equal(computed(OPS["Div"](x, y), a, b), truncated(a, b))
    np.testing.assert_array_equal(computed(OPS["Mod"](x, y), a, b), np.mod(a, b))
    np.testing.assert_array_equal(computed(OPS["Mod"](x, y, fmod=True), a, b), np.fmod(a, b))


@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
@settings(max_examples=100, deadline=None)
@given(drawn=pairs(), data=st.data())
def test_shifts(direction: str, drawn: tuple[DType, Array, Array], data: st.DataObject) -> None:
    dtype, a, _ = drawn
    low = -3 if dtype.value.startswith("int") else 0
    counts = data.draw(arrays(a.dtype, 8, elements=st.integers(low, dtype.bits + 3)))
    op = OPS["BitShift"](value("a", 8, dtype=dtype), value("b", 8, dtype=dtype), direction=direction)
    np.testing.assert_array_equal(computed(op, a, counts), shifted(a, counts, direction))


@settings(max_examples=100, deadline=None)
@given(drawn=pairs())
def test_order(drawn: tuple[DType, Array, Array]) -> None:
    dtype, a, b = drawn
    x, y = value("a", 8, dtype=dtype), value("b", 8, dtype=dtype)
    np.testing.assert_array_equal(computed(OPS["Max"]((x, y)), a, b), np.maximum(a, b))
    np.testing.assert_array_equal(computed(OPS["Min"]((x, y)), a, b), np.minimum(a, b))
    low, high = value("low", dtype=dtype), value("high", dtype=dtype)
    clipped = computed(OPS["Clip"](x, low, high), a, b[0], b[1])
    np.testing.assert_array_equal(clipped, np.minimum(np.maximum(a, b[0]), b[1]))


@settings(max_examples=100, deadline=None)
@given(drawn=pairs())
def test_unary(drawn: tuple[DType, Array, Array]) -> None:
    dtype, a, _ = drawn
    x = value("x", 8, dtype=dtype)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(computed(OPS["Abs"](x), a), np.abs(a))
        np.testing.assert_array_equal(computed(OPS["Sign"](x), a), np.sign(a))
        np.testing.assert_array_equal(computed(OPS["BitwiseNot"](x), a), np.invert(a))
        np.testing.assert_array_equal(computed(OPS["Identity"](x), a), a)
        if dtype.value.startswith("int"):
            np.testing.assert_array_equal(computed(OPS["Neg"](x), a), np.negative(a))
            np.testing.assert_array_equal(computed(OPS["Relu"](x), a), np.maximum(a, 0))
