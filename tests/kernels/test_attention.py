"""Products of two activations, softmax and normalization of rows, by every level's kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.layer_normalization import LayerNormalization
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.qlinear_layer_normalization import QLinearLayerNormalization
from lissom.ir.ops.qlinear_mat_mul import QLinearMatMul
from lissom.ir.ops.qlinear_softmax import QLinearSoftmax
from lissom.ir.ops.softmax import Softmax
from lissom.ir.ops.transpose import Transpose
from lissom.ir.samples import random_array
from lissom.ir.types import Array, DType, tensor
from lissom.ir.values import Const, Value
from tests.kernels.test_products import Net, compiled_together, levels, quantized


@st.composite
def attention_products(draw: Any) -> Net:
    """Products of two activations with batches, operands and results in any order of axes; a scale and a softmax behind
    those of floats."""
    m, k, n = draw(st.integers(1, 33)), draw(st.integers(1, 66)), draw(st.integers(1, 70))
    batch = draw(st.sampled_from([((), ()), ((2, 3), (2, 3)), ((2, 1), (3,)), ((3,), ()), ((), (2,))]))
    of_a, of_b, of_y = (draw(st.sampled_from([DType.int8, DType.uint8])) for _ in range(3))
    floats, seed = draw(st.booleans()), draw(st.integers(0, 999))
    feed: list[Array] = []
    graph = Graph("one")

    def operand(name: str, shape: tuple[int, ...], dtype: DType) -> Value:
        perm = draw(st.permutations(range(len(shape))))
        stored = tuple(shape[perm.index(axis)] for axis in range(len(shape)))
        low = {DType.int8: -128, DType.uint8: 0, DType.float32: -2}[dtype]
        high = 2 if dtype is DType.float32 else low + 256
        feed.append(random_array(f"{name}{seed}", stored, dtype, low, high))
        return graph.append(Transpose(graph.input(name, tensor(dtype.value, *stored)), perm=tuple(perm)))

    a = operand("a", (*batch[0], m, k), DType.float32 if floats else of_a)
    b = operand("b", (*batch[1], k, n), DType.float32 if floats else of_b)
    y: Value
    if floats:
        y = graph.append(Mul(graph.append(MatMul(a, b)), Const(np.array(0.37, np.float32))))
        y = graph.append(Softmax(y, axis=-1)) if draw(st.booleans()) else y
    else:
        scales = (quantized(draw, name, dtype) for name, dtype in (("a", of_a), ("b", of_b), ("y", of_y)))
        of = [value for pair in scales for value in pair]
        y = graph.append(QLinearMatMul(a, *of[:2], b, *of[2:]))
    graph.set_outputs({"y": y})
    return graph, feed


@st.composite
def rows(draw: Any) -> Net:
    """Softmax and layer normalization of rows of bytes and floats."""
    shape = (draw(st.integers(1, 5)), draw(st.sampled_from([1, 3, 13, 16, 49, 64, 100, 300])))
    dtype, seed = draw(st.sampled_from([DType.int8, DType.uint8, DType.float32])), draw(st.integers(0, 999))
    of_y = dtype if dtype is not DType.float32 else DType.int8
    low = {DType.int8: -128, DType.uint8: 0, DType.float32: -9}[dtype]
    graph = Graph("one")
    x = graph.input("x", tensor(dtype.value, *shape))
    scale, bias = (Const(random_array(f"{name}{seed}", shape[1:], DType.float32)) for name in "sb")
    x_grid, y_grid, softmax = quantized(draw, "x", of_y), quantized(draw, "y", of_y), draw(st.booleans())
    y: Op
    if dtype is DType.float32:
        y = Softmax(x, axis=-1) if softmax else LayerNormalization(x, scale, bias)
    elif softmax:
        step = float(x_grid[0].data)  # type: ignore[attr-defined]
        table = np.rint(np.exp(-np.arange(256) * step) * 2**20).astype(np.int32)
        y = QLinearSoftmax(x, *x_grid, *y_grid, Const(table, "table"), axis=-1)
    else:
        y = QLinearLayerNormalization(x, *x_grid, *y_grid, scale, bias)
    graph.set_outputs({"y": graph.append(y)})
    return graph, [random_array(f"x{seed}", shape, dtype, low, 9 if dtype is DType.float32 else low + 256)]


@pytest.mark.parametrize("level", levels("matmul_q8", "softmax_q8"))
def test_attention(case_maker: Any, library: Any, tmp_path: Path, level: str) -> None:
    compiled_together(st.one_of(attention_products(), rows()), 10, case_maker, library, tmp_path, level)
