"""Convolutions and matrix products of any shape: exact in 8 bits, whichever kernel of the table computes them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from lissom.backends.c.host import missing
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.qlinear_conv import QLinearConv
from lissom.ir.ops.qlinear_gemm import QLinearGemm
from lissom.ir.samples import literal, random_array
from lissom.ir.types import Array, DType, tensor
from lissom.ir.values import Const, Value
from lissom.kernels.table import KERNELS, TARGETS, candidates, choose, kernels_of

Net = tuple[Graph, list[Array]]
SMALL = st.integers(1, 3)


def quantized(draw: Any, name: str, dtype: DType) -> tuple[Value, Value]:
    zero = draw(st.integers(-128, 127) if dtype is DType.int8 else st.integers(0, 255))
    return literal(f"s{name}", draw(st.floats(0.001, 0.5)), DType.float32), literal(f"z{name}", zero, dtype)


def net(op: Value, x: Any, data: Array) -> Net:
    graph = Graph("one")
    twin = graph.input("x", x.type)
    graph.append(op._copy({**{v: v for v in op.operands}, x: twin}))  # type: ignore[attr-defined]
    graph.set_outputs({"y": graph.ops[-1]})
    return graph, [data]


@st.composite
def convolutions(draw: Any, transposed: bool = False) -> Net:
    """Float and 8-bit convolutions over 1 to 3 axes with groups, strides, dilations and uneven pads."""
    from lissom.ir.values import Input

    rank, groups = draw(SMALL), draw(SMALL)
    c, o = groups * draw(SMALL), groups * draw(st.integers(1, 6))
    kernel = tuple(draw(st.integers(1, 4)) for _ in range(rank))
    dilations = tuple(draw(st.integers(1, 2)) for _ in range(rank))
    strides = tuple(draw(SMALL) for _ in range(rank))
    pads = tuple(draw(st.integers(0, k - 1)) for k in (*kernel, *kernel))
    sizes = tuple((k - 1) * d + draw(st.integers(1, 9)) for k, d in zip(kernel, dilations, strict=True))
    shape, geometry = (draw(st.integers(1, 2)), c, *sizes), {"strides": strides, "pads": pads, "dilations": dilations}
    seed = draw(st.integers(0, 999))
    if transposed or draw(st.booleans()):
        x = Input("x", tensor("float32", *shape))
        w_shape = (c, o // groups, *kernel) if transposed else (o, c // groups, *kernel)
        w, b = (Const(random_array(f"{seed}", s, DType.float32)) for s in (w_shape, (o,)))
        kind: Any = ConvTranspose if transposed else Conv
        return net(kind(x, w, b, group=groups, **geometry), x, random_array(f"x{seed}", shape, DType.float32))
    of_x, of_y, of_w = (draw(st.sampled_from([DType.int8, DType.uint8])) for _ in range(3))
    x = Input("x", tensor(of_x, *shape))
    low = {DType.int8: -128, DType.uint8: 0}
    w = Const(random_array(f"{seed}", (o, c // groups, *kernel), of_w, low[of_w], low[of_w] + 256))
    w_zero = draw(st.sampled_from([0, 3])) if of_w is DType.int8 else 130
    w_scale = Const(random_array(f"w{seed}", (o,), DType.float32, 0.0001, 0.1))
    b = Const(random_array(f"b{seed}", (o,), DType.int32, -5000, 5000))
    sx, sy = quantized(draw, "x", of_x), quantized(draw, "y", of_y)
    op = QLinearConv(x, *sx, w, w_scale, literal("zw", w_zero, of_w), *sy, b, group=groups, **geometry)
    return net(op, x, random_array(f"x{seed}", shape, of_x, low[of_x], low[of_x] + 256))


@st.composite
def products(draw: Any) -> Net:
    """Float products with broadcast batches, and 8-bit fully connected layers."""
    from lissom.ir.values import Input

    m, k, n, seed = (
        draw(st.integers(1, 9)),
        draw(st.integers(1, 70)),
        draw(st.integers(1, 70)),
        draw(st.integers(0, 999)),
    )
    if draw(st.booleans()):
        batch = draw(st.sampled_from([((), ()), ((2,), ()), ((2, 1), (3,)), ((), (2,)), ((2, 3), (2, 3))]))
        x = Input("x", tensor("float32", *batch[0], m, k))
        w = Const(random_array(f"{seed}", (*batch[1], k, n), DType.float32))
        return net(MatMul(x, w), x, random_array(f"x{seed}", (*batch[0], m, k), DType.float32))
    of_x = draw(st.sampled_from([DType.int8, DType.uint8]))
    low = -128 if of_x is DType.int8 else 0
    x = Input("x", tensor(of_x, m, k))
    w = Const(random_array(f"{seed}", (n, k), DType.int8, -127, 128))
    w_scale = Const(random_array(f"w{seed}", (n,), DType.float32, 0.0001, 0.1))
    b = Const(random_array(f"b{seed}", (n,), DType.int32, -5000, 5000))
    w_zero = literal("zw", draw(st.sampled_from([0, -4])), DType.int8)
    op = QLinearGemm(x, *quantized(draw, "x", of_x), w, w_scale, w_zero, *quantized(draw, "y", of_x), b)
    return net(op, x, random_array(f"x{seed}", (m, k), of_x, low, low + 256))


RUNNABLE = [t for t in TARGETS if not missing(t)]
"""The targets whose code this machine can run."""


def any_kernel(task: str, params: Any, target: str) -> Any:
    """One of the kernels that take the parameters, a fast one more often than not; which one follows from those."""
    taking, _ = candidates(task, params, target)
    fast = [k for k in taking if k.level != "portable"] or taking
    return random.Random(repr(params)).choice(fast) if fast else choose(task, params, target)


def compiled_together(strategy: Any, count: int, case_maker: Any, library: Any, folder: Path, target: str) -> None:
    """Draw nets, compile them into one library and compare each with the interpreter."""
    nets: list[Net] = []

    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(drawn: Net) -> None:
        nets.append(drawn)

    collect()
    cases = [case_maker(f"{i}", f"n{i}", graph, feed, target, any_kernel) for i, (graph, feed) in enumerate(nets)]
    built = library(cases, folder)
    for case in cases:
        for got, want in zip(built.run(case, case.feed), evaluate(case.graph, *case.feed), strict=True):
            if want.dtype.kind == "f":
                np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(want).max())))
            else:
                assert got.tobytes() == want.tobytes(), str(case.graph)


@pytest.mark.parametrize("target", RUNNABLE)
def test_convolutions(case_maker: Any, library: Any, tmp_path: Path, target: str) -> None:
    compiled_together(convolutions(), 80, case_maker, library, tmp_path, target)


@pytest.mark.parametrize("target", RUNNABLE)
def test_transposed_convolutions(case_maker: Any, library: Any, tmp_path: Path, target: str) -> None:
    compiled_together(convolutions(transposed=True), 25, case_maker, library, tmp_path, target)


@pytest.mark.parametrize("target", RUNNABLE)
def test_products(case_maker: Any, library: Any, tmp_path: Path, target: str) -> None:
    compiled_together(products(), 60, case_maker, library, tmp_path, target)


@pytest.mark.parametrize(
    "name", [k.name for k in KERNELS if len(kernels_of(k.task.name)) > 1 and k.level == "portable"]
)
def test_every_variant_is_chosen_for_some_shape(name: str, case_maker: Any) -> None:
    """So that the tests above reach it."""

    def calls_it(drawn: Net) -> bool:
        return any(k.name == name for k in case_maker("v", "v", *drawn).program.kernels)

    strategy = convolutions() if "conv" in name else products()
    find(
        strategy,
        calls_it,
        settings=settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck)),
    )


def test_sums_that_could_leave_int32_are_refused() -> None:
    from lissom.kernels.table import choose

    params = {"b_plain": 1, "matmul": {"k": 40_000, "batch": (), "b_batch": ()}}
    refused = choose("matmul_q8", params, "portable")
    assert isinstance(refused, str)
    assert "may not fit in int32" in refused
