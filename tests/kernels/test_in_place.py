"""Kernels that write results over what they are made of: blocks of a network in which every layer may do so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lissom.backends.c.emulation.machines import lacking_for
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.qlinear_add import QLinearAdd
from lissom.ir.ops.qlinear_conv import QLinearConv
from lissom.ir.samples import literal, random_array
from lissom.ir.types import Array, DType, tensor
from lissom.ir.values import Const, Value

SHAPES = ((7, 7, 9, 8), (4, 13, 5, 5), (16, 27, 3, 7), (3, 100, 1, 6), (8, 8, 4, 1))
"""Channels of the input and of the block, rows and columns."""


def grid(seed: int, name: str) -> tuple[Value, Value]:
    zero = int(random_array(f"z{name}{seed}", (), DType.int8, -100, 100))
    return literal(f"s{name}", 0.02 + seed % 5 / 50, DType.float32), literal(f"z{name}", zero, DType.int8)


def block(seed: int, channels: int, wide: int, *size: int) -> tuple[Graph, list[Array]]:
    """Wider pixels, a depthwise convolution of them, pixels as wide again, to which those before are added; twice."""
    graph = Graph("block")
    x: Value = graph.input("x", tensor("int8", 1, channels, *size))
    of: tuple[Value, Value] = grid(seed, "x")
    count = 0

    def conv(x: Value, of: tuple[Value, Value], outputs: int, kernel: int, group: int) -> tuple[Any, Any]:
        nonlocal count
        count += 1
        inputs = x.type.static[1]  # type: ignore[index]
        w = Const(random_array(f"w{count}{seed}", (outputs, inputs // group, kernel, kernel), DType.int8, -127, 128))
        scale = Const(random_array(f"s{count}{seed}", (outputs,), DType.float32, 0.0005, 0.01))
        b = Const(random_array(f"b{count}{seed}", (outputs,), DType.int32, -999, 999))
        to, pads = grid(seed + count, f"y{count}"), (kernel // 2,) * 4
        made = QLinearConv(x, *of, w, scale, literal("zw", 0, DType.int8), *to, b, pads=pads, group=group)
        return graph.append(made), to

    for _ in range(2):
        before, grid_before = conv(x, of, wide, 1, 1)
        inside, of_inside = conv(before, grid_before, wide, 3, wide)
        after, of_after = conv(inside, of_inside, wide, 1, 1)
        of = grid(seed + count, f"z{count}")
        x = graph.append(QLinearAdd(after, *of_after, before, *grid_before, *of))
    graph.set_outputs({"y": x})
    feed = random_array(f"x{seed}", (1, channels, *size), DType.int8, -128, 128)
    return graph, [feed]


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m55"])
def test_blocks(target: str, case_maker: Any, library: Any, tmp_path: Path) -> None:
    if lacks := lacking_for(target):
        pytest.skip(f"to run {target} here, install {lacks}")
    cases = [case_maker(f"{i}", f"n{i}", *block(i, *shape), target) for i, shape in enumerate(SHAPES)]
    built = library(cases, tmp_path)
    for case, (_, wide, *size) in zip(cases, SHAPES, strict=True):
        for got, want in zip(built.run(case, case.feed), evaluate(case.graph, *case.feed), strict=True):
            assert got.tobytes() == want.tobytes(), str(case.graph)
        whole = wide * int(np.prod(size))
        scratch = max(c.scratch.nbytes for c in case.program.calls if c.scratch is not None)
        assert case.program.arena_bytes <= 2 * whole + scratch + 256


def test_depthwise_results_that_grow(case_maker: Any, library: Any, tmp_path: Path) -> None:
    """More channels than are copied at once: those that wait must not be written over."""
    if lacks := lacking_for("cortex-m55"):
        pytest.skip(f"to run cortex-m55 here, install {lacks}")
    graph, channels = Graph("growing"), 33
    x: Any = graph.input("x", tensor("int8", 1, channels, 3, 5))
    of = grid(1, "x")
    for i, (kernel, group) in enumerate(((1, 1), (3, channels), (1, 1))):
        w = Const(random_array(f"w{i}", (channels, channels // group, kernel, kernel), DType.int8, -127, 128))
        scale = Const(random_array(f"s{i}", (channels,), DType.float32, 0.0005, 0.01))
        to = grid(i, f"y{i}")
        made = QLinearConv(x, *of, w, scale, literal("zw", 0, DType.int8), *to, pads=(kernel - 1,) * 4, group=group)
        x, of = graph.append(made), to
    graph.set_outputs({"y": x})
    case = case_maker("0", "n0", graph, [random_array("x", (1, channels, 3, 5), DType.int8, -128, 128)], "cortex-m55")
    (got,) = library([case], tmp_path).run(case, case.feed)
    assert got.tobytes() == evaluate(graph, *case.feed)[0].tobytes()
