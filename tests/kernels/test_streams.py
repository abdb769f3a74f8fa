"""What lies between convolutions, channels last and first: the same bytes on every level, floats within the bound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lissom.backends.c.emulation.machines import lacking_for
from lissom.backends.c.host import missing
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.op import op_class
from lissom.ir.ops.add import Add
from lissom.ir.ops.average_pool import AveragePool
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.dequantize_linear import DequantizeLinear
from lissom.ir.ops.lookup import Lookup
from lissom.ir.ops.lookup_channels import LookupChannels
from lissom.ir.ops.max_pool import MaxPool
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.qlinear_add import QLinearAdd
from lissom.ir.ops.qlinear_average_pool import QLinearAveragePool
from lissom.ir.ops.qlinear_mul import QLinearMul
from lissom.ir.ops.qlinear_reduce_mean import QLinearReduceMean
from lissom.ir.ops.qlinear_resize import QLinearResize
from lissom.ir.ops.qlinear_sub import QLinearSub
from lissom.ir.ops.quantize_linear import QuantizeLinear
from lissom.ir.ops.resize import Resize
from lissom.ir.ops.sub import Sub
from lissom.ir.ops.transpose import Transpose
from lissom.ir.samples import literal, random_array
from lissom.ir.types import Array, DType, tensor
from lissom.ir.values import Const, Value
from lissom.kernels.table import TARGETS

Net = tuple[Graph, list[Array]]
EMULATED = ["cortex-m4", "cortex-m55"]
RUNNABLE = [*(t for t in TARGETS if not missing(t)), *EMULATED]
CHANNELS = st.sampled_from([1, 3, 4, 7, 13, 16, 27, 100, 131])


def data(name: str, dtype: DType, shape: tuple[int, ...]) -> Array:
    low = -128 if dtype is DType.int8 else 0
    return (
        random_array(name, shape, dtype) if dtype is DType.float32 else random_array(name, shape, dtype, low, low + 256)
    )


def grid(name: str, draw: Any, dtype: DType) -> tuple[Value, Value]:
    """A scale and a zero point."""
    zero = draw(st.integers(-128, 127) if dtype is DType.int8 else st.integers(0, 255))
    return literal(f"s{name}", draw(st.floats(0.01, 0.3)), DType.float32), literal(f"z{name}", zero, dtype)


@st.composite
def pools(draw: Any) -> Net:
    rank, kind = draw(st.integers(1, 3)), draw(st.sampled_from(["max", "average", "mean"]))
    dtype = draw(st.sampled_from([DType.float32, DType.int8, DType.uint8]))
    kernel = tuple(draw(st.integers(1, 4)) for _ in range(rank))
    geometry = {
        "kernel_shape": kernel,
        "strides": tuple(draw(st.integers(1, 3)) for _ in range(rank)),
        "dilations": tuple(draw(st.integers(1, 2)) for _ in range(rank)),
        "pads": tuple(draw(st.integers(0, k - 1)) for k in (*kernel, *kernel)),
    }
    sizes = (2 * (k - 1) + draw(st.integers(1, 6)) for k in kernel)
    shape = (draw(st.integers(1, 2)), draw(CHANNELS), *sizes)
    graph = Graph("pool")
    x = graph.input("x", tensor(dtype.value, *shape))
    if kind == "max":
        graph.set_outputs({"y": MaxPool(x, **geometry)})
    elif dtype is DType.float32:
        graph.set_outputs({"y": AveragePool(x, count_include_pad=draw(st.booleans()), **geometry)})
    elif kind == "average":
        sx, sy = grid("x", draw, dtype), grid("y", draw, dtype)
        op = QLinearAveragePool(x, *sx, *sy, count_include_pad=draw(st.booleans()), **geometry)
        graph.set_outputs({"y": op})
    else:
        axes = tuple(range(draw(st.integers(0, 2)), len(shape)))[: draw(st.integers(1, 3))]
        op = QLinearReduceMean(x, *grid("x", draw, dtype), *grid("y", draw, dtype), axes, keepdims=draw(st.booleans()))
        graph.set_outputs({"y": op})
    return graph, [data("x", dtype, shape)]


FUNCTIONS = (
    *("Relu", "Sigmoid", "Tanh", "Erf", "Exp", "Gelu", "HardSwish", "HardSigmoid", "LeakyRelu", "Mish", "Swish", "Elu"),
    "Softmax",
)


@st.composite
def streams(draw: Any) -> Net:
    """Behind a reordering, arithmetic in float or on bytes: with broadcast operands, tables, and a quantized input."""
    dtype = draw(st.sampled_from([DType.float32, DType.int8, DType.uint8]))
    shape = (draw(st.integers(1, 2)), draw(CHANNELS), draw(st.integers(1, 9)), draw(st.integers(1, 40)))
    perm = tuple(draw(st.permutations(range(4))))
    graph = Graph("stream")
    x = graph.input("x", tensor("float32" if dtype is DType.float32 else dtype.value, *shape))
    other = draw(st.sampled_from([(1, shape[1], 1, 1), shape, (1, 1, 1, 1), (1, 1, 1, shape[3])]))
    y: Value = Transpose(x, perm=perm)
    turned = tuple(other[i] for i in perm)
    if dtype is DType.float32:
        y = op_class(draw(st.sampled_from(FUNCTIONS)))(y)
        y = draw(st.sampled_from([Add, Mul, Sub]))(y, Const(data("b", dtype, turned), "b"))
        if draw(st.booleans()):
            y = Clip(y, Const(np.float32(-0.5), "low"), Const(np.float32(0.75), "high"))
        sy = grid("y", draw, DType.uint8)
        graph.set_outputs({"y": y, "q": QuantizeLinear(x, *sy)})
    else:
        table = Const(data("table", dtype, (256,)), "table")
        grids = [grid(n, draw, dtype) for n in "aby"]
        kind = draw(st.sampled_from([QLinearAdd, QLinearMul, QLinearSub]))
        pair = ((Lookup(y, table), *grids[0]), (Const(data("b", dtype, turned), "b"), *grids[1]))
        first, second = pair if draw(st.booleans()) else pair[::-1]
        y = kind(*first, *second, *grids[2])
        graph.set_outputs({"y": y, "f": DequantizeLinear(x, *grids[0])})
    return graph, [data("x", dtype, shape)]


@st.composite
def moves(draw: Any) -> Net:
    """Images of few and of many channels that are turned, put together, enlarged, and looked up channel by channel."""
    dtype = draw(st.sampled_from([DType.float32, DType.int8]))
    n, c, h, w = 2, draw(CHANNELS), draw(st.integers(1, 9)), draw(st.integers(1, 40))
    graph = Graph("moves")
    x = graph.input("x", tensor(dtype.value, n, h, w, c))
    image = Transpose(x, perm=(0, 3, 1, 2))
    scales = Const(
        np.array([1, 1, draw(st.sampled_from([1, 2])), draw(st.sampled_from([2, 1.5]))], np.float32), "scales"
    )
    found: dict[str, Value] = {
        "turned": Transpose(x, perm=tuple(draw(st.permutations(range(4))))),
        "joined": Concat((image, image), axis=draw(st.integers(1, 3))),
        "nearest": Resize(image, None, scales, mode="nearest"),
    }
    if dtype is DType.int8:
        found["linear"] = QLinearResize(image, *grid("x", draw, dtype), *grid("y", draw, dtype), scales)
        found["looked"] = LookupChannels(image, Const(data("table", dtype, (c, 256)), "table"), axis=1)
    graph.set_outputs(found)
    return graph, [data("x", dtype, (n, h, w, c))]


NETS = {"pools": pools(), "streams": streams(), "moves": moves()}


@pytest.mark.parametrize("target", RUNNABLE)
@pytest.mark.parametrize("kind", NETS)
def test_as_the_interpreter(kind: str, target: str, case_maker: Any, library: Any, tmp_path: Path) -> None:
    if target in EMULATED and (lacks := lacking_for(target)):
        pytest.skip(f"to run {target} here, install {lacks}")
    nets: list[Net] = []

    @settings(
        max_examples=12 if kind == "moves" else 30,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(NETS[kind])
    def collect(drawn: Net) -> None:
        nets.append(drawn)

    collect()
    cases = [case_maker(f"{i}", f"n{i}", graph, feed, target) for i, (graph, feed) in enumerate(nets)]
    built = library(cases, tmp_path)
    for case in cases:
        for got, want in zip(built.run(case, case.feed), evaluate(case.graph, *case.feed), strict=True):
            if want.dtype.kind == "f":
                np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(want).max())))
            else:
                assert got.tobytes() == want.tobytes(), str(case.graph)
