"""No activation keeps the type that a target does not multiply: every op on bytes moves with its operands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lissom.backends.c import Artifact, emit
from lissom.backends.c.emit import plan_program
from lissom.backends.c.host import native
from lissom.backends.c.signedness import with_activations
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.dequantize_linear import DequantizeLinear
from lissom.ir.ops.lookup import Lookup
from lissom.ir.ops.lookup_channels import LookupChannels
from lissom.ir.ops.max import Max
from lissom.ir.ops.min import Min
from lissom.ir.ops.qlinear_conv_transpose import QLinearConvTranspose
from lissom.ir.ops.qlinear_gemm import QLinearGemm
from lissom.ir.ops.qlinear_resize import QLinearResize
from lissom.ir.ops.quantize_linear import QuantizeLinear
from lissom.ir.ops.reduce_max import ReduceMax
from lissom.ir.ops.reduce_min import ReduceMin
from lissom.ir.ops.where import Where
from lissom.ir.samples import literal, random_array
from lissom.ir.types import DType, tensor
from lissom.ir.values import Const, Value

X = np.random.default_rng(0).normal(size=(1, 4, 6, 6)).astype(np.float32) * 5


def of_every_op() -> Graph:
    """One int8 net with all ops that work on bytes without being sums of products, and a few that are."""
    grid = literal("s", 0.1, DType.float32), literal("z", -3, DType.int8)
    graph = Graph("bytes")
    x = graph.input("x", tensor("float32", 1, 4, 6, 6))
    table = Const(random_array("t", (4, 256), DType.int8, -128, 128), "table")
    w = Const(random_array("w", (4, 4, 2, 2), DType.int8, -127, 128), "w")
    w_grid = Const(np.full(1, 0.01, np.float32), "ws"), literal("wz", 0, DType.int8)
    y: Value = LookupChannels(QuantizeLinear(x, *grid), table)
    y = QLinearConvTranspose(y, *grid, w, *w_grid, *grid, strides=(2, 2))
    y = QLinearResize(y, *grid, *grid, scales=Const(np.array([1, 1, 0.5, 0.5], np.float32), "r"))
    y = Clip(y, literal("low", -100, DType.int8), literal("high", 90, DType.int8))
    least, most = ReduceMin(y, literal("a", [1])), ReduceMax(y, literal("b", [1]))
    y = Where(Const(np.arange(36).reshape(1, 1, 6, 6) % 3 == 0, "c"), Max((y, least)), Min((y, most)))
    y = Lookup(Concat((y, most), axis=1), Const(random_array("u", (256,), DType.int8, -128, 128), "u"))
    graph.set_outputs({"y": DequantizeLinear(y, *grid)})
    return graph


def test_no_int8_activation_is_left(tmp_path: Path) -> None:
    graph = of_every_op()
    moved = with_activations(graph, "uint8")
    assert not [op.describe() for op in moved.ops if op.type.dtype is DType.int8]
    back = with_activations(moved, "int8")
    assert not [op.describe() for op in back.ops if op.type.dtype is DType.uint8]
    for one in (moved, back):
        for got, want in zip(evaluate(one, X), evaluate(graph, X), strict=True):
            assert got.tobytes() == want.tobytes()


def test_bytes_are_the_interpreters(tmp_path: Path) -> None:
    graph = of_every_op()
    emit(graph, tmp_path / "out", target=native())
    for got, want in zip(Artifact(tmp_path / "out").run(X), evaluate(graph, X), strict=True):
        assert got.tobytes() == want.tobytes()


@pytest.mark.parametrize("target", ["avx512vnni", "cortex-m4", "cortex-m55", "aarch64+dotprod"])
@pytest.mark.parametrize("dtype", [DType.int8, DType.uint8])
def test_edges_keep_their_types(dtype: DType, target: str) -> None:
    """What a caller quantizes is of the model's type, and the target's own kernel computes between the edges."""
    grid = literal("s", 0.1, DType.float32), literal("z", 7, dtype)
    graph = Graph("edges")
    x = QuantizeLinear(graph.input("x", tensor("float32", 2, 64)), *grid)
    w = Const(random_array("w", (32, 64), DType.int8, -127, 128), "w")
    y = QLinearGemm(x, *grid, w, literal("ws", 0.01, DType.float32), literal("wz", 0, DType.int8), *grid)
    graph.set_outputs({"y": DequantizeLinear(y, *grid)})
    lowered, edges, program = plan_program(graph, target, io="int8")
    assert [v.type.dtype for v in (*edges.inputs, *edges.outputs)] == [dtype, dtype]
    assert not [call for call in program.calls if call.kernel.level == "portable"]
    feed = np.random.default_rng(0).normal(size=(2, 64)).astype(np.float32)
    assert evaluate(lowered, feed)[0].tobytes() == evaluate(graph, feed)[0].tobytes()
