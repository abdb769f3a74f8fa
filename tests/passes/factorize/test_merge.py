"""merge: two linear ops become one where that is cheaper, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.types import tensor
from lissom.ir.values import Const, Value
from lissom.ir.verify import verify
from lissom.passes.compare import relative_error
from lissom.passes.explain import explain
from lissom.passes.factorize import merge


def array(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def merged(g: Graph, y: Value, *shape: int, names: str = "y") -> int:
    """Check that merging keeps the outputs; returns how many ops are left."""
    g.append(y)  # type: ignore[arg-type]
    g.set_outputs({"y": y})
    x = array(9, *shape)
    before, kind = evaluate(g, x)[0], y.type
    merge(g)
    verify(g)
    assert g.outputs[0].type == kind
    assert relative_error(before, evaluate(g, x)[0]) < 1e-5
    return len(g)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([(1, 1), (3, 1), (1, 3), (3, 3)]),
    st.sampled_from([(1, 1), (3, 1), (1, 3), (3, 3)]),
    st.tuples(st.integers(1, 2), st.integers(1, 2)),
    st.tuples(st.integers(1, 2), st.integers(1, 2)),
    st.booleans(),
    st.booleans(),
    st.integers(0, 1),
    st.integers(0, 1),
    st.sampled_from([(1, 1), (3, 1), (1, 3)]),
)
def test_convolutions(
    k1: tuple[int, int],
    k2: tuple[int, int],
    s1: tuple[int, int],
    s2: tuple[int, int],
    inner: bool,
    outer: bool,
    p1: int,
    p2: int,
    groups: tuple[int, int],
) -> None:
    g = Graph("two")
    x = g.input("x", tensor("float32", 2, 3, 9, 10))
    a = Conv(
        x,
        Const(array(0, 12, 3 // groups[0], *k1)),
        Const(array(1, 12)) if inner else None,
        s1,
        (p1,) * 4,
        group=groups[0],
    )
    b = Conv(
        a,
        Const(array(2, 3, 12 // groups[1], *k2)),
        Const(array(3, 3)) if outer else None,
        s2,
        (p2,) * 4,
        group=groups[1],
    )
    assert merged(g, b, 2, 3, 9, 10) in (1, 2)


def test_a_factorized_convolution_goes_back() -> None:
    g = Graph("back")
    x = g.input("x", tensor("float32", 2, 4, 9, 9))
    a = Conv(x, Const(array(0, 12, 4, 3, 1)), None, (2, 1), (1, 0, 1, 0))
    b = Conv(a, Const(array(1, 4, 12, 1, 3)), Const(array(2, 4)), (1, 2), (0, 1, 0, 1))
    assert merged(g, b, 2, 4, 9, 9) == 1
    assert g.ops[0].attributes["strides"] == (2, 2)
    assert g.ops[0].attributes["pads"] == (1, 1, 1, 1)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("biases", [(None, None), ((8,), (6,)), ((1, 8), None), ((), (1,))])
def test_products(transposed: bool, biases: tuple[tuple[int, ...] | None, tuple[int, ...] | None]) -> None:
    g = Graph("two")
    c, d = (None if s is None else Const(array(3, *s)) for s in biases)
    v, w = array(0, 5, 8), array(1, 8, 6)
    a = Gemm(g.input("x", tensor("float32", 4, 5)), Const(v), c, alpha=0.5, beta=2.0)
    b = Gemm(a, Const(np.ascontiguousarray(w.T) if transposed else w), d, alpha=1.5, beta=0.5, transB=transposed)
    assert merged(g, b, 4, 5) == 1


def test_matrix_products() -> None:
    g = Graph("two")
    a = MatMul(g.input("x", tensor("float32", 2, 4, 5)), Const(array(0, 5, 8)))
    assert merged(g, MatMul(a, Const(array(1, 8, 6))), 2, 4, 5) == 1


def test_what_pays_stays() -> None:
    g = Graph("low")
    a = MatMul(g.input("x", tensor("float32", 4, 50)), Const(array(0, 50, 3))).named("a")
    assert merged(g, MatMul(a, Const(array(1, 3, 60))), 4, 50) == 2
    assert "one op takes 12000 MACs, the two take 1320" in str(explain("merge", g))


def test_what_is_needed_stays() -> None:
    g = Graph("seen")
    a = MatMul(g.input("x", tensor("float32", 4, 5)), Const(array(0, 5, 8))).named("a")
    b = MatMul(a, Const(array(1, 8, 6))).named("b")
    g.append(b)
    g.set_outputs({"b": b, "a": a})
    merge(g)
    assert len(g) == 2
    assert "needed as it is" in str(explain("merge", g))
