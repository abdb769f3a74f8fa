"""Broadcasting of any shapes agrees with numpy: in inference, in running, in refusing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from lissom.ir.dims import bind, symbol
from lissom.ir.errors import TypeMismatch
from lissom.ir.interpreter import evaluate
from lissom.ir.ops import Add, Max, Where
from lissom.ir.samples import random_array, sample_graph, value
from lissom.ir.types import DType

THREE = mutually_broadcastable_shapes(num_shapes=3, max_dims=4, min_side=0, max_side=4)


@settings(max_examples=150, deadline=None)
@given(THREE)
def test_two_and_three_operands(drawn: object) -> None:
    first, second, third = drawn.input_shapes  # type: ignore[attr-defined]
    a, b = random_array("a", first, DType.float32), random_array("b", second, DType.float32)
    condition = random_array("c", third, DType.bool)
    graph = sample_graph(Add(value("a", *first), value("b", *second)))
    (total,) = evaluate(graph, a, b)
    assert graph.outputs[0].type.shape == (a + b).shape
    np.testing.assert_array_equal(total, a + b)
    graph = sample_graph(Where(value("c", *third, dtype=DType.bool), value("a", *first), value("b", *second)))
    (chosen,) = evaluate(graph, condition, a, b)
    expected = np.where(condition, a, b)
    assert graph.outputs[0].type.shape == expected.shape
    np.testing.assert_array_equal(chosen, expected)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(1, 4), max_size=3), st.lists(st.integers(1, 4), max_size=3))
def test_shapes_that_do_not_fit_are_refused(first: list[int], second: list[int]) -> None:
    def build() -> Max:
        return Max((value("a", *first), value("b", *second)))

    try:
        expected = np.broadcast_shapes(tuple(first), tuple(second))
    except ValueError:
        with pytest.raises(TypeMismatch, match="broadcast"):
            build()
    else:
        assert build().type.shape == expected


@settings(max_examples=150, deadline=None)
@given(THREE, st.data())
def test_symbolic_sizes_stand_for_any(drawn: object, data: st.DataObject) -> None:
    shapes = drawn.input_shapes  # type: ignore[attr-defined]
    sizes: dict[str, int] = {}
    operands = []
    for k, shape in enumerate(shapes):
        dims = []
        for i, size in enumerate(shape):
            hidden = data.draw(st.booleans())
            dims.append(symbol(f"S{k}{i}") if hidden else size)
            if hidden:
                sizes[f"S{k}{i}"] = size
        operands.append(value(f"x{k}", *dims))
    inferred = Max(tuple(operands)).type.dims
    assert tuple(bind(d, sizes) for d in inferred) == np.broadcast_shapes(*shapes)
