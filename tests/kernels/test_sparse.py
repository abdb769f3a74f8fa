"""Layers with few weights: what the interpreter computes, in bytes the same bytes, at every level, for any shape and
density."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lissom.backends.c.packing.operand import fours_of
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.qlinear_conv import QLinearConv
from lissom.ir.ops.qlinear_gemm import QLinearGemm
from lissom.ir.ops.relu import Relu
from lissom.ir.samples import literal, random_array
from lissom.ir.types import Array, DType, tensor
from lissom.ir.values import Const
from lissom.kernels.sparse import why_dense
from lissom.kernels.table import activation, choose, kernels_of
from tests.kernels.test_products import flags_of

CHANNELS = (1, 3, 4, 7, 13, 16, 27, 64, 65, 100, 130)
TASKS = ("sparse_conv_q8", "sparse_conv_f32")
LEVELS = sorted({(task.rpartition("_")[2], k.level) for task in TASKS for k in kernels_of(task)})


def sparse(element: str) -> st.SearchStrategy[tuple[Graph, list[Array]]]:
    """Convolutions over one and two axes, pointwise and not, and fully connected layers of few and many rows."""
    return of_bytes() if element == "q8" else of_floats()


@st.composite
def of_floats(draw: Any) -> tuple[Graph, list[Array]]:
    inputs, outputs, seed = draw(st.sampled_from(CHANNELS)), draw(st.sampled_from(CHANNELS)), draw(st.integers(0, 999))
    rank = draw(st.sampled_from([0, 0, 1, 2]))
    kernel = tuple(draw(st.sampled_from([1, 1, 3])) for _ in range(rank))
    sizes = tuple(draw(st.sampled_from([3, 5, 16, 23])) for _ in range(rank))
    rng = np.random.default_rng(seed)
    w = rng.standard_normal((outputs, inputs, *kernel)).astype(np.float32)
    w *= rng.random(w.shape) < draw(st.sampled_from([0.0, 0.02, 0.3, 0.6]))
    shape = (draw(st.sampled_from([1, 2, 5, 17])) if rank == 0 else draw(st.sampled_from([1, 2])), inputs, *sizes)
    graph = Graph("sparse")
    x = graph.input("x", tensor(DType.float32, *shape))
    b = Const(rng.standard_normal(outputs).astype(np.float32))
    if rank:
        pads = tuple(draw(st.integers(0, k - 1)) for k in (*kernel, *kernel))
        strides = tuple(draw(st.sampled_from([1, 1, 2])) for _ in kernel)
        y: Any = Conv(x, Const(w), b, strides=strides, pads=pads, dilations=(1,) * rank)
    else:
        y = Gemm(x, Const(w), b, transB=True)
    graph.set_outputs({"y": Relu(y) if draw(st.booleans()) else y})
    return graph, [rng.standard_normal(shape).astype(np.float32)]


@st.composite
def of_bytes(draw: Any) -> tuple[Graph, list[Array]]:
    inputs, outputs, seed = draw(st.sampled_from(CHANNELS)), draw(st.sampled_from(CHANNELS)), draw(st.integers(0, 999))
    rank = draw(st.sampled_from([0, 0, 1, 2]))
    kernel = tuple(draw(st.sampled_from([1, 1, 3])) for _ in range(rank))
    sizes = tuple(draw(st.sampled_from([3, 5, 16, 23])) for _ in range(rank))
    rng = np.random.default_rng(seed)
    w = random_array(f"w{seed}", (outputs, inputs, *kernel), DType.int8, -128, 128)
    w = w * (rng.random(w.shape) < draw(st.sampled_from([0.0, 0.02, 0.3, 0.6]))).astype(np.int8)
    w = w * (rng.random((outputs, -(-inputs // 4), *kernel)) < 0.5).astype(np.int8).repeat(4, 1)[:, :inputs]
    of_x, of_y = (draw(st.sampled_from([DType.int8, DType.uint8])) for _ in range(2))
    low = {DType.int8: -128, DType.uint8: 0}
    shape = (draw(st.sampled_from([1, 2, 5, 17])) if rank == 0 else draw(st.sampled_from([1, 2])), inputs, *sizes)

    def grid(name: str, dtype: DType) -> tuple[Const, Const]:
        zero = low[dtype] + draw(st.integers(0, 255))
        return literal(f"s{name}", draw(st.floats(0.01, 0.5)), DType.float32), literal(f"z{name}", zero, dtype)

    graph = Graph("sparse")
    x = graph.input("x", tensor(of_x, *shape))
    w_scale = Const(random_array(f"s{seed}", (outputs,), DType.float32, 0.0001, 0.05))
    b = Const(random_array(f"b{seed}", (outputs,), DType.int32, -5000, 5000))
    operands = (x, *grid("x", of_x), Const(w), w_scale, literal("zw", 0, DType.int8), *grid("y", of_y), b)
    if rank:
        pads = tuple(draw(st.integers(0, k - 1)) for k in (*kernel, *kernel))
        strides = tuple(draw(st.sampled_from([1, 1, 2])) for _ in kernel)
        op: Any = QLinearConv(*operands, strides=strides, pads=pads)
    else:
        op = QLinearGemm(*operands)
    graph.set_outputs({"y": graph.append(op)})
    return graph, [random_array(f"x{seed}", shape, of_x, low[of_x], low[of_x] + 256)]


@pytest.mark.parametrize(("element", "level"), LEVELS)
def test_sparse_layers(
    element: str, level: str, case_maker: Any, library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = flags_of(level)
    monkeypatch.setattr("lissom.backends.c.bindings.sparse.why_dense", lambda *_: None)
    drawn: list[tuple[Graph, list[Array]]] = []

    @settings(max_examples=24, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(sparse(element))
    def collect(net: tuple[Graph, list[Array]]) -> None:
        drawn.append(net)

    collect()
    cases = [case_maker(f"{i}", f"n{i}", graph, feed, level) for i, (graph, feed) in enumerate(drawn)]
    assert any(k.task.name == f"sparse_conv_{element}" for c in cases for k in c.program.kernels)
    built = library(cases, tmp_path, flags=flags)
    for case in cases:
        for got, want in zip(built.run(case, case.feed), evaluate(case.graph, *case.feed), strict=True):
            if element == "q8":
                assert got.tobytes() == want.tobytes(), str(case.graph)
            else:
                bound = 1e-5 * max(1.0, float(np.abs(want).max()))
                np.testing.assert_allclose(got, want, rtol=1e-5, atol=bound, err_msg=str(case.graph))


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(0, 99))
def test_fours(outputs: int, channels: int, taps: int, seed: int) -> None:
    """Block b of a tap holds channels 4 b to 4 b + 3 of it."""
    w = np.random.default_rng(seed).integers(-128, 128, (outputs, channels, taps)).astype(np.int8)
    fours = fours_of(w)
    blocks = -(-channels // 4)
    assert fours.shape == (outputs, taps * blocks, 4)
    for o, c, t in np.ndindex(*w.shape):
        assert fours[o, t * blocks + c // 4, c % 4] == w[o, c, t]
    assert np.count_nonzero(fours) == np.count_nonzero(w)


def _params(inputs: int, outputs: int, pixels: int, share: float) -> dict[str, Any]:
    ones = (1, 1, 1)
    row = (1, 1, pixels)
    conv = {"batch": 1, "groups": 1, "in_channels": inputs, "out_channels": outputs, "in": row, "out": row}
    conv |= {"kernel": ones, "stride": ones, "dilation": ones, "pad": (0, 0, 0)}
    conv |= {"x_pixel": inputs, "y_pixel": outputs, "skip_pixel": outputs}
    blocks = round(share * (inputs // 4) * outputs)
    return {"conv": conv, "nonzeros": 4 * blocks, "blocks": blocks, "fullest": -(-blocks // 16), "bounded": 1}


@pytest.mark.parametrize(
    ("target", "pixels"),
    [(t, n) for t in ("portable", "x86-64-v3", "avx512vnni") for n in (1, 196)]
    + [("aarch64+dotprod", 196), ("aarch64+i8mm", 196)],
)
def test_full_layers_stay_dense(target: str, pixels: int) -> None:
    signed = activation(target) == "int8"
    for share, wanted in ((0.03, True), (0.05, True), (0.95, False)):
        params = _params(256, 256, pixels, share)
        params |= {"x": {"flip": 0x80 * signed, "zero": 0}, "y": {"low": -128.0 * signed, "zero": 0}}
        kernel = choose("sparse_conv_q8", params, target)
        dense = choose(
            "conv_q8",
            {**params, "w_plain": 1, "skip": {"flip": 0, "ratio": 0.0}, "small": 0, "narrow": 1, "bounded": 1},
            target,
        )
        assert not isinstance(kernel, str)
        assert not isinstance(dense, str)
        reason = why_dense(kernel, params, dense.cost(params))
        assert (reason is None) == wanted
        assert reason is None or "95%" in reason
