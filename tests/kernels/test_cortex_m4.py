"""Kernels of cortex-m4 that the samples of ops hardly reach, run under an emulator, equal the interpreter: products of
two activations, rows of any length, floats with bounds, groups, borders and operands that are added."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lissom.backends.c.emulation.machines import lacking_for
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.add import Add
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.lookup import Lookup
from lissom.ir.ops.qlinear_layer_normalization import QLinearLayerNormalization
from lissom.ir.ops.qlinear_mat_mul import QLinearMatMul
from lissom.ir.ops.qlinear_mul import QLinearMul
from lissom.ir.ops.qlinear_softmax import QLinearSoftmax, exponentials
from lissom.ir.ops.qlinear_sub import QLinearSub
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.transpose import Transpose
from lissom.ir.samples import literal, random_array, weight
from lissom.ir.types import Array, DType, tensor
from lissom.ir.values import Const, Value

Case = tuple[Graph, list[Array]]
TARGET = "cortex-m4"


def grid(name: str, scale: float, zero: int) -> tuple[Value, Value]:
    return literal(f"s{name}", scale, DType.float32), literal(f"z{name}", zero, DType.int8)


def bytes_of(*shape: int) -> Array:
    return random_array(f"x{shape}", shape, DType.int8, -128, 128)


def product(batch: int, m: int, k: int, n: int, zeros: tuple[int, int, int], turned: bool) -> Case:
    graph = Graph("product")
    feed = [bytes_of(batch, m, k), bytes_of(*((batch, n, k) if turned else (batch, k, n)))]
    a, b = (graph.input(name, tensor(DType.int8, *x.shape)) for name, x in zip("ab", feed, strict=True))
    right: Value = Transpose(b, perm=(0, 2, 1)) if turned else b
    of = [grid(name, scale, zero) for name, scale, zero in zip("aby", (0.05, 0.05, 0.15 * k**0.5), zeros, strict=True)]
    graph.set_outputs({"y": QLinearMatMul(a, *of[0], right, *of[1], *of[2])})
    return graph, feed


def rows() -> Iterator[Case]:
    """Rows that are no whole words; operands repeated along another axis than the last."""
    for n in (1, 3, 4, 9, 50):
        graph = Graph("rows")
        feed = [bytes_of(5, n), bytes_of(1, n)]
        a, b = (graph.input(name, tensor(DType.int8, *x.shape)) for name, x in zip("ab", feed, strict=True))
        operands = (a, *grid("a", 0.05, -9), b, *grid("b", 0.1, 100), *grid("y", 0.2, -128))
        table, scale, shift = Const(exponentials(np.float32(0.05), n)), weight("scale", n), weight("shift", n)
        ops = {
            "times": QLinearMul(*operands),
            "less": QLinearSub(*operands),
            "soft": QLinearSoftmax(*operands[:3], *grid("soft", 1 / 255, -128), table),
            "norm": QLinearLayerNormalization(*operands[:3], *grid("norm", 0.03, 4), scale, shift if n % 2 else None),
            "looked": Lookup(a, literal("table", np.roll(np.arange(-128, 128), 7), DType.int8)),
        }
        graph.set_outputs(ops)
        yield graph, feed


def floats(
    channels: int, outputs: int, size: int, kernel: int, groups: int, end: str, sparse: bool = False, step: int = 1
) -> Case:
    graph = Graph("floats")
    x = random_array("x", (2, channels, size, size), DType.float32, -2, 2)
    w = random_array("w", (outputs, channels // groups, kernel, kernel), DType.float32, -1, 1)
    if sparse:
        w = w * (np.random.default_rng(1).random(w.shape) < 0.1)
    b = Const(random_array("b", (outputs,), DType.float32, -1, 1))
    given = graph.input("x", tensor(DType.float32, *x.shape))
    pads = (step * (kernel // 2),) * 4
    y: Value = Conv(given, Const(w.astype(np.float32)), b, pads=pads, group=groups, dilations=(step, step))
    feed = [x]
    if end == "add":
        feed.append(random_array("skip", (2, outputs, size, size), DType.float32, -2, 2))
        y = Relu(Add(y, graph.input("skip", tensor(DType.float32, *feed[1].shape))))
    elif end == "clip":
        y = Clip(y, Const(np.float32(-0.5)), Const(np.float32(1.5)))
    graph.set_outputs({"y": y})
    return graph, feed


def cases() -> Iterator[Case]:
    yield from rows()
    yield product(2, 9, 16, 35, (3, -7, 5), True)
    yield product(2, 6, 49, 18, (-128, 9, 0), False)
    yield product(1, 5, 3, 7, (-128, -128, -128), False)
    yield product(2, 6, 13, 33, (127, -128, 3), False)
    yield product(1, 1, 1, 1, (-3, 4, 0), False)
    yield product(1, 4, 1023, 2, (-128, -128, 1), True)
    for end in ("", "add", "clip"):
        yield floats(6, 9, 5, 3, 1, end)
        yield floats(16, 8, 4, 1, 1, end)
        yield floats(19, 19, 5, 3, 19, end, step=2)
    yield floats(8, 12, 5, 3, 4, "add")
    yield floats(33, 9, 5, 1, 1, "clip", sparse=True)
    yield floats(5, 7, 6, 3, 1, "", sparse=True)


def test_against_interpreter(case_maker: Any, library: Any, tmp_path: Path) -> None:
    if lacks := lacking_for(TARGET):
        pytest.skip(f"to run {TARGET} here, install {lacks}")
    made = [case_maker(f"{i}", f"n{i}", graph, feed, TARGET) for i, (graph, feed) in enumerate(cases())]
    taken = {k.name for case in made for k in case.program.kernels}
    wanted = {"matmul_q8", "softmax_q8", "layer_norm_q8", "lookup", "mul_q8", "sub_q8", "depthwise_f32"}
    assert {f"lissom_{name}_m4" for name in wanted} | {"lissom_conv_f32_m4_4", "lissom_sparse_conv_f32_m4_8"} <= taken
    built = library(made, tmp_path)
    for case in made:
        for got, want in zip(built.run(case, case.feed), evaluate(case.graph, *case.feed), strict=True):
            if want.dtype.kind == "f":
                np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(want).max())))
            else:
                assert got.tobytes() == want.tobytes(), str(case.graph)
