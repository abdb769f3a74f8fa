"""Sparse against dense arrays, and its words in ONNX against onnxruntime."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lissom as ls
from lissom.backends.onnx import to_proto
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.ops.sparse import Sparse, encoded
from lissom.ir.types import Array
from lissom.ir.values import Const

SHAPES = st.lists(st.integers(1, 6), min_size=1, max_size=4)


def graph_of(array: Array, axis: int, block: int) -> tuple[Graph, Sparse]:
    values, gaps = encoded(array, axis, block)
    op = Sparse(Const(values, "values"), Const(gaps, "gaps"), array.shape, axis)
    graph = Graph("g")
    graph.set_outputs({"y": graph.append(op)})
    return graph, op


@given(SHAPES, st.sampled_from([0.0, 0.05, 0.5, 1.0]), st.sampled_from([1, 2, 4]), st.integers(0, 99))
def test_it_is_the_array(sizes: list[int], density: float, block: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    axis = int(rng.integers(len(sizes)))
    sizes[axis] = -(-sizes[axis] // block) * block
    array = (rng.integers(-128, 128, sizes) * (rng.random(sizes) < density)).astype(np.int8)
    graph, op = graph_of(array, axis - len(sizes) if seed % 2 else axis, block)
    np.testing.assert_array_equal(ls.evaluate(graph)[0], array)
    assert op.values.type.size() >= np.count_nonzero(array)


@pytest.mark.parametrize("dtype", [np.float32, np.int8])
@pytest.mark.parametrize("first", [0, 254, 255, 256, 509, 510, 511])
def test_far_apart(dtype: type, first: int) -> None:
    """Distances that do not fit in a byte, also in onnxruntime."""
    array = np.zeros((2, 800, 2), dtype)
    array[0, first, 1] = array[1, first // 2, 0] = 3
    graph, op = graph_of(array, 1, 1)
    np.testing.assert_array_equal(ls.evaluate(graph)[0], array)
    session = ort.InferenceSession(to_proto(graph).SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(session.run(None, {})[0], array)
    assert op.gaps.type.size() < 20


def test_what_leaves_the_tensor_is_refused() -> None:
    with pytest.raises(Error, match="inside the tensor"):
        Sparse(Const(np.ones((2, 1), np.float32)), Const(np.array([1, 5], np.uint8)), (2, 3))
    with pytest.raises(Error, match="above 0"):
        Sparse(Const(np.ones((2, 1), np.float32)), Const(np.array([1, 0], np.uint8)), (2, 3))
