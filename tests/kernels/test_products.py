"""Convolutions and matrix products of any shape: exact in 8 bits, whichever kernel of the table computes them."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from lissom.backends.c.cross import foreign
from lissom.backends.c.emulation.machines import lacking_for
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
from lissom.kernels import amx
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


CHANNELS = st.sampled_from([1, 2, 3, 4, 7, 13, 16, 27, 64, 100])
DEEP = st.sampled_from([16, 36, 64, 67, 100, 128])
"""Channels of layers that matrix units take."""


@st.composite
def convolutions(draw: Any, kind: str) -> Net:
    """Convolutions of floats or 8-bit numbers over 1 to 3 axes with groups, strides, dilations and uneven pads: some of
    many channels and columns, as networks have them (``deep``: these alone), others with all that an operator allows.
    """
    from lissom.ir.values import Input

    transposed, wide = kind == "transposed", kind == "deep" or (kind != "transposed" and draw(st.booleans()))
    channels = DEEP if kind == "deep" else CHANNELS
    rank, groups = (2, draw(st.sampled_from([1, 1, 2]))) if wide else (draw(SMALL), draw(SMALL))
    c, o = groups * draw(channels if wide else SMALL), groups * draw(channels if wide else st.integers(1, 6))
    kernel = tuple(draw(SMALL if wide else st.integers(1, 4)) for _ in range(rank))
    dilations = tuple(1 if wide else draw(st.integers(1, 2)) for _ in range(rank))
    strides = tuple(draw(SMALL) for _ in range(rank))
    pads = tuple(draw(st.integers(0, k - 1)) for k in (*kernel, *kernel))
    most = [3, 40] if wide else [9] * rank
    sizes = tuple((k - 1) * d + draw(st.integers(1, m)) for k, d, m in zip(kernel, dilations, most, strict=True))
    shape, geometry = (draw(st.integers(1, 2)), c, *sizes), {"strides": strides, "pads": pads, "dilations": dilations}
    seed = draw(st.integers(0, 999))
    if kind not in ("q8", "deep"):
        x = Input("x", tensor("float32", *shape))
        w_shape = (c, o // groups, *kernel) if transposed else (o, c // groups, *kernel)
        w, b = (Const(random_array(f"{seed}", s, DType.float32)) for s in (w_shape, (o,)))
        data = random_array(f"x{seed}", shape, DType.float32)
        if transposed and draw(st.booleans()):  # by a kernel, not as a convolution
            computed = Input("w", w.type)
            return net(ConvTranspose(Const(data), computed, b, group=groups, **geometry), computed, w.data)
        made: Any = ConvTranspose if transposed else Conv
        return net(made(x, w, b, group=groups, **geometry), x, data)
    of_x, of_y = (draw(st.sampled_from([DType.int8, DType.uint8])) for _ in range(2))
    plain = wide or draw(st.booleans())
    of_w = DType.int8 if plain else draw(st.sampled_from([DType.int8, DType.uint8]))
    x = Input("x", tensor(of_x, *shape))
    low = {DType.int8: -128, DType.uint8: 0}
    ends = draw(st.sampled_from([(low[of_w], low[of_w] + 256), *([(-64, 65), (62, 65)] if plain else [])]))
    w = Const(random_array(f"{seed}", (o, c // groups, *kernel), of_w, *ends))
    w_zero = 0 if plain else 3 if of_w is DType.int8 else 130
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


LEVELS = [level for level in TARGETS if any(k.level == level for k in KERNELS)]
"""Each is the best level of the target of its name."""

EMULATED = {
    "avxvnni": "-DLISSOM_AVXVNNI_AS_AVX512",
    "amx": f'-DLISSOM_AMX_EMULATION="{Path(__file__).with_name("amx_emulation.h")}"',
}
"""For levels that few machines have, the flag that lets those run them that have the dot products of AVX-512."""


def flags_of(level: str) -> list[str]:
    """What to compile kernels of a level with, so that this machine or an emulator runs them; skips where none can."""
    if not (lacking := missing(level)):
        return []
    if foreign(level):
        if lacks := lacking_for(level):
            pytest.skip(f"to run {level} here, install {lacks}")
        return []
    if level in EMULATED and not missing("avx512vnni"):
        return [EMULATED[level]]
    pytest.skip(f"this machine has no {' '.join(lacking)}")


def own_kernel(task: str, params: Any, target: str) -> Any:
    """One of the level's own kernels that take the parameters, or else the reference; which one follows from those."""
    taking, _ = candidates(task, params, target)
    own = [k for k in taking if k.level == target] or [k for k in taking if k.level == "portable"]
    return random.Random(repr(params)).choice(own) if own else choose(task, params, target)


def draw_nets(strategy: Any, count: int) -> list[Net]:
    """So many nets of a strategy."""
    nets: list[Net] = []

    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(drawn: Net) -> None:
        nets.append(drawn)

    collect()
    return nets


def compiled_together(
    strategy: Any, count: int, case_maker: Any, library: Any, folder: Path, level: str, chooser: Any = own_kernel
) -> None:
    """Draw nets, compile them into one library and compare each with the interpreter."""
    flags = flags_of(level)
    nets = enumerate(draw_nets(strategy, count))
    cases = [case_maker(f"{i}", f"n{i}", graph, feed, level, chooser) for i, (graph, feed) in nets]
    assert {k.level for c in cases for k in c.program.kernels} >= {level}
    built = library(cases, folder, flags=flags)
    for case in cases:
        for got, want in zip(built.run(case, case.feed), evaluate(case.graph, *case.feed), strict=True):
            if want.dtype.kind == "f":
                np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(want).max())))
            else:
                assert got.tobytes() == want.tobytes(), str(case.graph)


def levels(*tasks: str) -> list[str]:
    """The levels that have kernels of their own for one of the tasks."""
    return [level for level in LEVELS if any(k.level == level for task in tasks for k in kernels_of(task))]


@pytest.mark.parametrize("level", levels("conv_q8"))
def test_integer_convolutions(case_maker: Any, library: Any, tmp_path: Path, level: str) -> None:
    deep = level == "amx"
    compiled_together(convolutions("deep" if deep else "q8"), 12 if deep else 24, case_maker, library, tmp_path, level)


def test_patches_in_blocks(case_maker: Any, library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last block may overlap the one before."""
    monkeypatch.setattr(amx, "ROOM", 6000)

    def laid_out(task: str, params: Any, target: str) -> Any:
        taking = [k for k in candidates(task, params, target)[0] if "_patches_amx" in k.name]
        return random.Random(repr(params)).choice(taking) if taking else own_kernel(task, params, target)

    compiled_together(convolutions("deep"), 10, case_maker, library, tmp_path, "amx", laid_out)


@pytest.mark.parametrize("level", levels("conv_f32"))
def test_float_convolutions(case_maker: Any, library: Any, tmp_path: Path, level: str) -> None:
    compiled_together(convolutions("f32"), 16, case_maker, library, tmp_path, level)


@pytest.mark.parametrize("level", levels("conv_transpose_f32"))
def test_transposed_convolutions(case_maker: Any, library: Any, tmp_path: Path, level: str) -> None:
    compiled_together(convolutions("transposed"), 25, case_maker, library, tmp_path, level)


@pytest.mark.parametrize("level", levels("matmul_f32", "matmul_q8", "conv_f32", "conv_q8"))
def test_products(case_maker: Any, library: Any, tmp_path: Path, level: str) -> None:
    compiled_together(products(), 24, case_maker, library, tmp_path, level)


PORTABLE = Counter(k.task.name for k in KERNELS if k.level == "portable")


@pytest.mark.parametrize("name", [k.name for k in KERNELS if k.level == "portable" and PORTABLE[k.task.name] > 1])
def test_every_variant_is_chosen_for_some_shape(name: str, case_maker: Any) -> None:
    """So that the tests above reach it."""

    def calls_it(drawn: Net) -> bool:
        return any(k.name == name for k in case_maker("v", "v", *drawn).program.kernels)

    kind = "q8" if "q8" in name else "f32"
    find(
        convolutions(kind) if "conv" in name else products(),
        calls_it,
        settings=settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck)),
        random=random.Random(0),
    )


def test_sums_that_could_leave_int32_are_refused() -> None:
    from lissom.kernels.table import choose

    params = {"b_plain": 1, "matmul": {"k": 40_000, "batch": (), "b_batch": ()}}
    refused = choose("matmul_q8", params, "portable")
    assert isinstance(refused, str)
    assert "may not fit in int32" in refused
