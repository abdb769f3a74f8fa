"""Reductions over any axes of any shape agree with numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.ir.errors import TypeMismatch
from lissom.ir.interpreter import evaluate
from lissom.ir.op import OPS
from lissom.ir.samples import literal, random_array, sample_graph, value
from lissom.ir.types import Array, DType

Numpy = Callable[..., Array]


def norm(x: Array, **how: Any) -> Array:
    return np.asarray(np.sqrt(np.sum(x * x, **how)))


REDUCTIONS: dict[str, Numpy] = {
    "ReduceSum": np.sum,
    "ReduceProd": np.prod,
    "ReduceMax": np.max,
    "ReduceMin": np.min,
    "ReduceMean": np.mean,
    "ReduceL1": lambda x, **how: np.sum(np.abs(x), **how),
    "ReduceL2": norm,
    "ReduceSumSquare": lambda x, **how: np.sum(x * x, **how),
    "ReduceLogSum": lambda x, **how: np.log(np.sum(x, **how)),
    "ReduceLogSumExp": lambda x, **how: np.log(np.sum(np.exp(x), **how)),
}
INTEGERS = [DType.int32, DType.int64, DType.uint32, DType.uint64]
WRAPPING = {"ReduceSum", "ReduceProd", "ReduceMax", "ReduceMin", "ReduceSumSquare", "ReduceL1"}


@st.composite
def cases(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...] | None, bool, bool]:
    """A shape without empty axes, axes (some negative; None for absent), keepdims, noop_with_empty_axes."""
    shape = tuple(draw(st.lists(st.integers(1, 4), max_size=4)))
    chosen = draw(st.lists(st.integers(0, max(0, len(shape) - 1)), unique=True, max_size=len(shape)))
    axes = tuple(a - len(shape) if draw(st.booleans()) else a for a in chosen)
    return shape, draw(st.sampled_from([axes, None])), draw(st.booleans()), draw(st.booleans())


def reduced(name: str, x: Array, dtype: DType, axes: tuple[int, ...] | None, keepdims: bool, noop: bool) -> Array:
    held = None if axes is None else literal("axes", np.array(axes, dtype=np.int64))
    op = OPS[name](value("x", *x.shape, dtype=dtype), held, keepdims=keepdims, noop_with_empty_axes=noop)
    graph = sample_graph(op)
    (y,) = evaluate(graph, x)
    assert (graph.outputs[0].type.dtype, graph.outputs[0].type.shape) == (dtype, y.shape)
    return y


@pytest.mark.parametrize("name", REDUCTIONS)
@settings(max_examples=40, deadline=None)
@given(case=cases())
def test_floats(name: str, case: tuple[tuple[int, ...], tuple[int, ...] | None, bool, bool]) -> None:
    shape, axes, keepdims, noop = case
    x = random_array("x", shape, DType.float64, 0.1, 2.0)
    along = axes or (() if noop else None)
    expected = REDUCTIONS[name](x, axis=along, keepdims=keepdims)
    np.testing.assert_allclose(reduced(name, x, DType.float64, axes, keepdims, noop), expected, rtol=1e-12)
    half = reduced(name, x.astype(np.float16), DType.float16, axes, keepdims, noop)
    np.testing.assert_allclose(half, expected, rtol=4e-3, atol=4e-3)


@pytest.mark.parametrize("name", sorted(WRAPPING))
@settings(max_examples=40, deadline=None)
@given(case=cases(), dtype=st.sampled_from(INTEGERS), seed=st.integers(0, 99))
def test_integers_wrap(
    name: str, case: tuple[tuple[int, ...], tuple[int, ...] | None, bool, bool], dtype: DType, seed: int
) -> None:
    shape, axes, keepdims, noop = case
    info = np.iinfo(dtype.numpy)
    x = np.random.default_rng(seed).integers(info.min, info.max, shape, dtype=dtype.numpy, endpoint=True)
    how: dict[str, Any] = {"axis": axes or (() if noop else None), "keepdims": keepdims}
    with np.errstate(over="ignore"):
        expected = np.asarray(REDUCTIONS[name](np.asarray(x), **how)).astype(dtype.numpy)
    np.testing.assert_array_equal(reduced(name, np.asarray(x), dtype, axes, keepdims, noop), expected)


@settings(max_examples=60, deadline=None)
@given(case=cases(), dtype=st.sampled_from(INTEGERS), seed=st.integers(0, 99))
def test_mean_of_integers_is_truncated(
    case: tuple[tuple[int, ...], tuple[int, ...] | None, bool, bool], dtype: DType, seed: int
) -> None:
    shape, axes, keepdims, noop = case
    high = 2**63 + 2**40 if dtype is DType.uint64 else 1000
    low = high - 2**40 if dtype is DType.uint64 else -1000 if dtype in (DType.int32, DType.int64) else 0
    x = np.asarray(np.random.default_rng(seed).integers(low, high, shape, dtype=dtype.numpy))
    exact = np.mean(x.astype(np.float64), axis=axes or (() if noop else None), keepdims=keepdims)
    mean = reduced("ReduceMean", x, dtype, axes, keepdims, noop)
    # Beyond 2**53 a sum in float64 depends on its order.
    np.testing.assert_allclose(mean, exact.astype(dtype.numpy), rtol=1e-15 if dtype is DType.uint64 else 0)


@pytest.mark.parametrize(
    ("name", "dtype", "expected"),
    [
        ("ReduceSum", DType.float32, 0.0),
        ("ReduceProd", DType.float32, 1.0),
        ("ReduceMax", DType.float32, -np.inf),
        ("ReduceMin", DType.float32, np.inf),
        ("ReduceMax", DType.int8, -128),
        ("ReduceMin", DType.uint64, 2**64 - 1),
        ("ReduceMin", DType.bool, True),
        ("ReduceMax", DType.bool, False),
        ("ReduceL1", DType.float32, 0.0),
        ("ReduceL2", DType.float32, 0.0),
        ("ReduceLogSum", DType.float32, -np.inf),
        ("ReduceLogSumExp", DType.float32, -np.inf),
        ("ReduceSumSquare", DType.float32, 0.0),
    ],
)
@pytest.mark.parametrize("keepdims", [True, False])
def test_of_nothing(name: str, dtype: DType, expected: float, keepdims: bool) -> None:
    y = reduced(name, np.zeros((2, 0, 3), dtype.numpy), dtype, (1,), keepdims, False)
    np.testing.assert_array_equal(y, np.full((2, 1, 3) if keepdims else (2, 3), expected, dtype.numpy))


def test_axis_out_of_range_is_refused() -> None:
    with pytest.raises(TypeMismatch, match=r"axes of float32\[2,3\]"):
        OPS["ReduceSum"](value("x", 2, 3), literal("axes", [2]))


@pytest.mark.parametrize(("name", "best"), [("ArgMax", np.argmax), ("ArgMin", np.argmin)])
@settings(max_examples=60, deadline=None)
@given(
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    dtype=st.sampled_from([DType.float32, DType.int8, DType.uint16, DType.uint64]),
    last=st.booleans(),
    keepdims=st.booleans(),
    data=st.data(),
)
def test_positions(
    name: str, best: Numpy, shape: list[int], dtype: DType, last: bool, keepdims: bool, data: st.DataObject
) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = random_array("x", tuple(shape), DType.int8, 0, 3).astype(dtype.numpy)
    if dtype is DType.uint64:
        x = x << np.uint64(62)  # across the sign bit of an int64
    op = OPS[name](value("x", *shape, dtype=dtype), axis=axis, keepdims=keepdims, select_last_index=last)
    (y,) = evaluate(sample_graph(op), x)
    found = best(np.flip(x, axis) if last else x, axis=axis, keepdims=keepdims)
    np.testing.assert_array_equal(y, x.shape[axis] - 1 - found if last else found)


@pytest.mark.parametrize(("name", "run", "neutral"), [("CumSum", np.cumsum, 0), ("CumProd", np.cumprod, 1)])
@settings(max_examples=60, deadline=None)
@given(
    shape=st.lists(st.integers(0, 4), min_size=1, max_size=3),
    dtype=st.sampled_from([DType.float64, DType.int32, DType.uint64]),
    exclusive=st.booleans(),
    reverse=st.booleans(),
    data=st.data(),
)
def test_running_totals(
    name: str,
    run: Numpy,
    neutral: int,
    shape: list[int],
    dtype: DType,
    exclusive: bool,
    reverse: bool,
    data: st.DataObject,
) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = random_array("x", tuple(shape), dtype, 1, 9)
    op = OPS[name](value("x", *shape, dtype=dtype), literal("axis", axis), exclusive=exclusive, reverse=reverse)
    (y,) = evaluate(sample_graph(op), x)
    forward = np.moveaxis(np.flip(x, axis) if reverse else x, axis, 0)
    expected = run(forward, axis=0, dtype=dtype.numpy)
    if exclusive:
        expected = np.concatenate([np.full_like(expected[:1], neutral), expected[:-1]])
    expected = np.moveaxis(expected, 0, axis)
    np.testing.assert_allclose(y, np.flip(expected, axis) if reverse else expected, rtol=1e-12)
