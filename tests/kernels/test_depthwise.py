"""Depthwise convolutions of any shape: exact in 8 bits at every level, whichever kernel of the table computes them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lissom.backends.c.cross import foreign
from lissom.backends.c.emulation.machines import lacking_for
from lissom.backends.c.host import missing
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.add import Add
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.qlinear_add import QLinearAdd
from lissom.ir.ops.qlinear_conv import QLinearConv
from lissom.ir.samples import literal, random_array
from lissom.ir.types import Array, DType, tensor
from lissom.ir.values import Const
from lissom.kernels.table import KERNELS, TARGETS, candidates, choose

Net = tuple[Graph, list[Array]]

CHANNELS = (2, 3, 7, 8, 13, 16, 27, 32, 33, 64, 65, 100, 130)
LEVELS = [
    t
    for t in TARGETS
    if (foreign(t) or not missing(t)) and any("depthwise" in k.name and k.level == t for k in KERNELS)
]


@st.composite
def depthwise(draw: Any) -> Net:
    """One and two axes, kernels up to 7, strides, dilations, uneven pads, and often a residual that is added."""
    channels, batch, rank = draw(st.sampled_from(CHANNELS)), draw(st.sampled_from([1, 1, 2])), draw(st.integers(1, 2))
    kernel = tuple(draw(st.sampled_from([1, 2, 3, 3, 4, 5, 7])) for _ in range(rank))
    dilations = tuple(draw(st.sampled_from([1, 1, 2])) for _ in range(rank))
    strides = tuple(draw(st.sampled_from([1, 1, 2, 3])) for _ in range(rank))
    pads = tuple(draw(st.integers(0, k - 1)) for k in (*kernel, *kernel))
    sizes = tuple(max(1, (k - 1) * d + draw(st.integers(1, 9))) for k, d in zip(kernel, dilations, strict=True))
    geometry = {"strides": strides, "pads": pads, "dilations": dilations, "group": channels}
    shape, seed, adds = (batch, channels, *sizes), draw(st.integers(0, 999)), draw(st.booleans())
    graph = Graph("depthwise")
    if draw(st.booleans()):
        x = graph.input("x", tensor("float32", *shape))
        w, b = (Const(random_array(f"{seed}{s}", s, DType.float32)) for s in ((channels, 1, *kernel), (channels,)))
        op: Any = graph.append(Conv(x, w, b, **geometry))
        feed = [random_array(f"x{seed}", shape, DType.float32)]
        if adds:
            feed.append(random_array(f"r{seed}", op.type.static, DType.float32))
            op = graph.append(Add(op, graph.input("r", op.type)))
    else:
        of_x, of_y = (draw(st.sampled_from([DType.int8, DType.uint8])) for _ in range(2))
        low = {DType.int8: -128, DType.uint8: 0}

        def grid(name: str, dtype: DType) -> tuple[Const, Const]:
            zero = low[dtype] + draw(st.integers(0, 255))
            return literal(f"s{name}", draw(st.floats(0.01, 0.5)), DType.float32), literal(f"z{name}", zero, dtype)

        def data(name: str, shape: tuple[int, ...], dtype: DType) -> Array:
            return random_array(f"{name}{seed}", shape, dtype, low[dtype], low[dtype] + 256)

        x = graph.input("x", tensor(of_x, *shape))
        w = Const(data("w", (channels, 1, *kernel), DType.int8))
        w_scale = Const(random_array(f"s{seed}", (channels,), DType.float32, 0.0001, 0.05))
        b = Const(random_array(f"b{seed}", (channels,), DType.int32, -5000, 5000))
        of = grid("y", of_y)
        op = QLinearConv(x, *grid("x", of_x), w, w_scale, literal("zw", 0, DType.int8), *of, b, **geometry)
        op = graph.append(op)
        feed = [data("x", shape, of_x)]
        if adds:
            r = graph.input("r", tensor(of_y, *op.type.static))
            feed.append(data("r", op.type.static, of_y))
            op = graph.append(QLinearAdd(op, *of, r, *grid("r", of_y), *grid("z", of_y)))
    graph.set_outputs({"y": op})
    return graph, feed


def any_depthwise(task: str, params: Any, target: str) -> Any:
    """One of the depthwise kernels that take the parameters, as these determine."""
    taking = [k for k in candidates(task, params, target)[0] if "depthwise" in k.name]
    if not taking:
        return choose(task, params, target)
    chance = random.Random(repr(params))
    template = chance.choice(sorted({k.template for k in taking}))
    return chance.choice([k for k in taking if k.template == template])


@pytest.mark.parametrize("target", LEVELS)
def test_depthwise(case_maker: Any, library: Any, tmp_path: Path, target: str) -> None:
    if foreign(target) and (lacks := lacking_for(target)):
        pytest.skip(f"to run {target} here, install {lacks}")
    nets: list[Net] = []

    @settings(max_examples=12, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(depthwise())
    def collect(drawn: Net) -> None:
        nets.append(drawn)

    collect()
    cases = [case_maker(f"{i}", f"n{i}", graph, feed, target, any_depthwise) for i, (graph, feed) in enumerate(nets)]
    used = [k for c in cases for k in c.program.kernels]
    assert any("depthwise_q8" in k.name for k in used) or target == "x86-64-v2"
    built = library(cases, tmp_path)
    for case in cases:
        for got, want in zip(built.run(case, case.feed), evaluate(case.graph, *case.feed), strict=True):
            if want.dtype.kind == "f":
                np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(want).max())))
            else:
                assert got.tobytes() == want.tobytes(), str(case.graph)
