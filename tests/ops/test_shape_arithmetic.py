"""Contents that shape arithmetic folds are what the ops compute, whatever the symbols stand for."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.ir.dims import Dim, bind, floordiv, maximum, symbol
from lissom.ir.families import comparison
from lissom.ir.interpreter import evaluate
from lissom.ir.op import Op
from lissom.ir.ops import (
    Add,
    Cast,
    CastLike,
    Div,
    Equal,
    Greater,
    GreaterOrEqual,
    Identity,
    Less,
    LessOrEqual,
    Mod,
    Mul,
    Neg,
    ReduceProd,
    ReduceSum,
    Shape,
    Sub,
    Where,
)
from lissom.ir.samples import literal, sample_graph, value
from lissom.ir.types import DType
from lissom.ir.values import Value

SIZES = st.fixed_dictionaries({"A": st.integers(1, 5), "B": st.integers(1, 5)})
A, B = symbol("A"), symbol("B")
SHAPES = st.lists(st.sampled_from([A, B, 3, 2 * A, A + 1, 4]), min_size=3, max_size=3)
COMPARED: tuple[type[Op], ...] = (Equal, Less, LessOrEqual, Greater, GreaterOrEqual)


@st.composite
def expressions(draw: st.DrawFn, shape: list[Dim]) -> Value:
    """A random tree of ops over the shape of an input and constants, such as exporters write."""
    x = value("x", *shape)

    def tree(depth: int) -> Value:
        if depth == 0:
            numbers = draw(st.lists(st.integers(1, 4), min_size=3, max_size=3))
            return Shape(x) if draw(st.booleans()) else literal("k", numbers)
        kind = draw(st.sampled_from(["add", "mul", "div", "mod", "where", "sub", "same"]))
        a = tree(depth - 1)
        b = literal("k", draw(st.lists(st.integers(1, 4), min_size=3, max_size=3)))
        match kind:
            case "add":
                return Add(a, tree(depth - 1))
            case "mul":
                return Mul(a, b)
            case "div":
                return Div(a, b)
            case "mod":
                return Mod(a, b)
            case "sub":
                return Neg(Sub(a, Add(tree(depth - 1), Mul(a, literal("two", 2)))))
            case "where":
                return Where(draw(st.sampled_from(COMPARED))(a, b), a, b)
        return CastLike(Identity(Cast(a, DType.int32)), b)

    total = draw(st.sampled_from([None, ReduceProd, ReduceSum]))
    found = tree(draw(st.integers(1, 3)))
    return found if total is None else total(found, keepdims=draw(st.booleans()))


@settings(max_examples=300, deadline=None)
@given(st.data(), SHAPES, SIZES)
def test_folded_is_computed(data: st.DataObject, shape: list[Dim], sizes: dict[str, int]) -> None:
    found = data.draw(expressions(shape))
    if not isinstance(found, Op) or found.contents is None:
        return
    graph = sample_graph(found)
    inputs = [np.zeros([bind(d, sizes) for d in i.type.dims], np.float32) for i in graph.inputs]
    (computed,) = evaluate(graph, *inputs)
    assert found.contents.shape == computed.shape
    assert [bind(d, sizes) for d in found.contents.flat] == computed.reshape(-1).tolist()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([A, B, A * B, 1, 2, floordiv(A, 2), maximum(A, B), -1, -A]), max_size=4), SIZES)
def test_claims_about_symbols_hold(parts: list[Dim], sizes: dict[str, int]) -> None:
    half = len(parts) // 2
    a, b = sum(parts[:half]), sum(parts[half:])
    x, y = bind(a, sizes), bind(b, sizes)
    assert comparison.less(a, b) in (None, x < y)
    assert comparison.at_most(a, b) in (None, x <= y)
    assert comparison.equal(a, b) in (None, x == y)


def test_a_size_is_not_minus_one() -> None:
    """Exporters write Expand as Where(sizes == -1, 1, sizes): the symbols must come through."""
    x = value("x", A, 3, (B - 1) // 2 + 1)
    sizes = Shape(x)
    chosen = Where(Equal(sizes, literal("unset", [-1])), literal("one", [1]), sizes)
    assert chosen.contents is not None
    assert tuple(chosen.contents) == x.type.shape


def test_what_depends_on_the_symbols_stays_open() -> None:
    sizes = Shape(value("x", A, B))
    assert Equal(sizes, literal("k", [3, 3])).contents is None
    assert Div(sizes, literal("zero", [0, 1])).contents is None
    assert Mod(sizes, literal("two", 2), fmod=True).contents is None
    assert Cast(sizes, DType.float32).contents is None
