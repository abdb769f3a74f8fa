"""Slices of channels, and what a Concat joins, are read and written where they lie: no copies, the same results."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from pathlib import Path

import numpy as np
import pytest

from lissom.backends.c import Artifact, emit
from lissom.backends.c.emit import plan_program
from lissom.backends.c.host import missing
from lissom.backends.c.program import Program
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.add import Add
from lissom.ir.ops.average_pool import AveragePool
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.flatten import Flatten
from lissom.ir.ops.gather import Gather
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.max_pool import MaxPool
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.qlinear_add import QLinearAdd
from lissom.ir.ops.qlinear_conv import QLinearConv
from lissom.ir.ops.quantize_linear import QuantizeLinear
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.reshape import Reshape
from lissom.ir.ops.split import Split
from lissom.ir.ops.transpose import Transpose
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.samples import literal, weight
from lissom.ir.types import DType, tensor
from lissom.ir.values import Const, Value

CHANNELS = (20, 16, 36, 20)
"""Not whole vectors, so that neighbours would show."""


def split(x: Value) -> list[Value]:
    parts = Split(x, literal("sizes", list(CHANNELS)), axis=1)
    return list(parts.results)


def floats() -> Graph:
    """Every kernel that can read a slice of channels reads one, and all but one write a part of the result."""
    graph = Graph("floats")
    wide = Conv(graph.input("x", tensor("float32", 1, 8, 9, 9)), weight("in", sum(CHANNELS), 8, 1, 1))
    a, b, c, d = split(wide)
    parts = (
        Conv(a, weight("point", 12, 20, 1, 1)),
        Conv(b, weight("window", 24, 16, 3, 3), pads=(1, 1, 1, 1)),
        Conv(c, weight("depthwise", 36, 1, 3, 3), pads=(1, 1, 1, 1), group=36),
        MaxPool(d, (3, 3), strides=(1, 1), pads=(1, 1, 1, 1)),
        AveragePool(d, (3, 3), strides=(1, 1), pads=(1, 1, 1, 1)),
    )
    unpadded = Conv(b, weight("torn", 7, 16, 1, 3))
    graph.set_outputs({"y": Conv(Concat(parts, axis=1), weight("out", 5, 112, 1, 1)), "z": unpadded, "p": Mul(a, d)})
    return graph


def _integer(x: Value, name: str, outputs: int, inputs: int, size: int, **fields: object) -> QLinearConv:
    rng = np.random.default_rng(outputs)
    w = Const(rng.integers(-127, 128, (outputs, inputs, size, size)).astype(np.int8), name)
    scale = Const(np.full(outputs, 0.01, np.float32), f"{name}.scale")
    zero, one = literal("zero", 100, DType.uint8), literal("scale", 0.05, DType.float32)
    return QLinearConv(x, one, zero, w, scale, literal("w_zero", 0, DType.int8), one, zero, **fields)  # type: ignore[arg-type]


def integers() -> Graph:
    """The same of bytes; 3x3 with stride 1 may go by Winograd's transforms, and a sum reads two slices."""
    graph = Graph("integers")
    zero, one = literal("zero", 100, DType.uint8), literal("scale", 0.05, DType.float32)
    x = QuantizeLinear(graph.input("x", tensor("float32", 1, 8, 9, 9)), one, zero)
    a, b, c, d = split(_integer(x, "in", sum(CHANNELS), 8, 1))
    around = (1, 1, 1, 1)
    parts = (
        _integer(a, "point", 12, 20, 1),
        _integer(b, "window", 24, 16, 3, pads=around),
        _integer(c, "depthwise", 36, 1, 3, pads=around, group=36),
        MaxPool(d, (3, 3), strides=(1, 1), pads=around),
    )
    outside = {"z": _integer(b, "torn", 7, 16, 3), "s": QLinearAdd(a, one, zero, d, one, zero, one, zero)}
    graph.set_outputs({"y": _integer(Concat(parts, axis=1), "out", 5, 92, 1), **outside})
    return graph


def copied(program: Program) -> list[str]:
    """The layers that copy slices, and how many elements."""
    return [
        f"{layer.op.op_type} {prod(call.params['size'])}"
        for layer in program.layers
        for call in layer.calls
        if call.kernel.task.name == "copy" and layer.op.op_type in ("Split", "Slice", "Concat")
    ]


@pytest.mark.parametrize("target", ["x86-64-v2", "x86-64-v3", "avx512vnni", "amx"])
@pytest.mark.parametrize("make", [floats, integers])
def test_slices_are_not_copied(make: Callable[[], Graph], target: str) -> None:
    assert copied(plan_program(make(), target)[2]) == []


@pytest.mark.parametrize(("make", "target"), [(floats, "x86-64-v3"), (integers, "avx512vnni")])
def test_slices_are_read_where_they_lie(make: Callable[[], Graph], target: str, tmp_path: Path) -> None:
    if lacking := missing(target):
        pytest.skip(f"this machine lacks {', '.join(lacking)}")
    graph = make()
    emit(graph, tmp_path / "out", target=target)
    x = np.random.default_rng(0).normal(size=(1, 8, 9, 9)).astype(np.float32)
    for got, want in zip(Artifact(tmp_path / "out").run(x), evaluate(graph, x), strict=True):
        np.testing.assert_allclose(
            got, want, rtol=1e-5, atol=1e-5 * np.abs(want).max() if got.dtype == np.float32 else 0
        )


def test_views_between_a_product_and_a_sum(tmp_path: Path) -> None:
    """As in torch's attention: one element of an axis and a residual cost nothing, views between or not."""
    graph = Graph("block")
    x = graph.input("x", tensor("float32", 1, 6, 16))
    three = MatMul(Transpose(x, (1, 0, 2)), weight("in", 16, 48))
    apart = Transpose(Reshape(three, literal("s", [6, 3, 16])), (1, 0, 2))
    a, b = (Gather(apart, literal(f"i{i}", i)) for i in (0, -1))
    out = Gemm(Flatten(Mul(a, b)), weight("out", 16, 16), weight("c", 16))
    y = Transpose(Unsqueeze(out, literal("axes", [1])), (1, 0, 2))
    graph.set_outputs({"y": Relu(Add(x, y))})
    _, _, program = plan_program(graph, "x86-64-v3")
    assert [call.kernel.task.name for call in program.calls] == ["conv_f32", "mul_f32", "conv_f32"]
    if lacking := missing("x86-64-v3"):
        pytest.skip(f"this machine lacks {', '.join(lacking)}")
    emit(graph, tmp_path / "out", target="x86-64-v3")
    feed = np.random.default_rng(0).normal(size=(1, 6, 16)).astype(np.float32)
    (got,), (want,) = Artifact(tmp_path / "out").run(feed), evaluate(graph, feed)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
