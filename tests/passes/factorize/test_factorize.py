"""Factorized graphs: the same at full rank, within budgets, interfaces kept, in at both doors, among other passes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lissom.backends.onnx import to_proto
from lissom.backends.torch import to_torch
from lissom.ir.dims import symbol
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.importers.onnx import load
from lissom.ir.importers.torch import from_torch
from lissom.ir.interpreter import evaluate
from lissom.ir.op import Op
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.relu import Relu
from lissom.ir.types import tensor
from lissom.ir.values import Const
from lissom.ir.verify import verify
from lissom.passes.compare import relative_error
from lissom.passes.explain import explain
from lissom.passes.factorize.chain import chain, compose
from lissom.passes.factorize.layer import layer_of
from lissom.passes.factorize.measure import MACS
from lissom.passes.factorize.methods import METHODS, Factorization, detached
from lissom.passes.least_squares.linear import Linear
from lissom.passes.report import Size
from lissom.passes.runner import run

torch.set_num_threads(1)
EXAMPLES = Path(__file__).parents[3] / "examples"
DATA = [np.random.default_rng(0).standard_normal((64, 3, 16, 16)).astype(np.float32)]


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 24, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(24),
        nn.ReLU(),
        nn.Conv2d(24, 24, 3, padding=1, groups=24),
        nn.Conv2d(24, 32, 1),
        nn.ReLU(),
        nn.Conv2d(32, 32, 5, padding=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    ).eval()


@pytest.fixture(scope="module")
def graph() -> Graph:
    return run("fold", from_torch(net(), (torch.zeros(2, 3, 16, 16),), dynamic_shapes=({0: torch.export.Dim("N")},)))


def array(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def graph_of(op: Op) -> Graph:
    """A graph around a detached op on one input."""
    g = Graph("one")
    x = op.operands[0]
    own = {f.name: v.data for f in op.fields if isinstance(v := getattr(op, f.name), Const)}
    now = op.replace(**{op.fields[0].name: g.input("x", x.type)}, **own).named("layer")
    g.append(now)
    g.set_outputs({"y": now})
    return g


def build_in(g: Graph, method: str, ranks: tuple[int, ...] | None = None) -> Factorization:
    """Put the chain of full rank, or of ``ranks``, in the place of the graph's layer."""
    layer = layer_of(g.ops[0])
    assert isinstance(layer, Linear)
    f = Factorization(layer, method)  # type: ignore[arg-type]
    pieces = f.pieces(ranks or f.full)
    outlined = f.outline(ranks or f.full)
    assert [(p.w.shape, p.axes, p.group) for p in pieces] == [(p.w.shape, p.axes, p.group) for p in outlined]
    g.replace(layer.op, chain(layer, pieces))
    verify(g)
    return f


@st.composite
def convolutions(draw: st.DrawFn) -> Conv:
    rank = draw(st.integers(1, 3))
    kernel = [draw(st.integers(1, 4)) for _ in range(rank)]
    dilations = tuple(draw(st.integers(1, 2)) for _ in range(rank))
    pads = tuple(draw(st.integers(0, 2)) for _ in range(2 * rank))
    strides = tuple(draw(st.integers(1, 3)) for _ in range(rank))
    o, i = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    bias = Const(array(1, o)) if draw(st.booleans()) else None
    auto_pad = draw(st.sampled_from(["NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    size = [symbol(f"H{a}") if draw(st.booleans()) else 9 for a in range(rank)]
    x = Graph().input("x", tensor("float32", symbol("N"), i, *size))
    geometry = {"strides": strides, "dilations": dilations}
    return Conv(
        x,
        Const(array(0, o, i, *kernel)),
        bias,
        pads=pads if auto_pad == "NOTSET" else (),
        auto_pad=auto_pad,
        **geometry,
    )


@settings(max_examples=60, deadline=None)
@given(convolutions(), st.sampled_from(["svd", "spatial_svd", "tucker"]))
def test_full_rank_is_the_layer(op: Conv, method: str) -> None:
    g = graph_of(op)
    expected_type = g.ops[0].type
    x = array(2, 2, *(d if isinstance(d, int) else 9 for d in op.x.type.dims[1:]))
    expected = evaluate(g, x)[0]
    build_in(g, method)
    assert g.outputs[0].type == expected_type
    assert relative_error(expected, evaluate(g, x)[0]) < 2e-5


@settings(max_examples=30, deadline=None)
@given(convolutions(), st.sampled_from(METHODS), st.integers(1, 3))
def test_a_chain_computes_its_composed_kernel(op: Conv, method: str, rank: int) -> None:
    """Whatever the rank: the chain is one convolution with the kernel that its pieces compose to."""
    g = graph_of(op)
    twin = g.clone()
    layer = layer_of(g.ops[0])
    assert isinstance(layer, Linear)
    ranks = tuple(min(rank, r) for r in Factorization(layer, method).full)  # type: ignore[arg-type]
    f = build_in(g, method, ranks)
    kernel = compose(f.pieces(ranks)).astype(np.float32).reshape(op.w.type.static or ())
    twin.replace(twin.ops[0], twin.ops[0].replace(w=kernel))
    x = array(2, 2, *(d if isinstance(d, int) else 9 for d in op.x.type.dims[1:]))
    assert relative_error(evaluate(twin, x)[0], evaluate(g, x)[0]) < 2e-5


X2 = Graph().input("x", tensor("float32", symbol("N"), 6))
MATRICES = [
    Gemm(X2, Const(array(0, 5, 6)), Const(array(1, 5)), transB=True),
    Gemm(X2, Const(array(0, 6, 5)), Const(array(1, 1, 5)), alpha=0.5, beta=2.0),
    Gemm(X2, Const(array(0, 6, 5))),
    Gemm(Graph().input("x", tensor("float32", 6, 4)), Const(array(0, 6, 5)), Const(array(1)), transA=True),
    MatMul(Graph().input("x", tensor("float32", symbol("N"), 3, 6)), Const(array(0, 6, 5))),
]


@pytest.mark.parametrize("op", MATRICES, ids=lambda op: str(op.attributes))
def test_products_at_full_rank(op: Op) -> None:
    g = graph_of(op)
    x = array(2, *(d if isinstance(d, int) else 7 for d in op.operands[0].type.dims))
    expected = evaluate(g, x)[0]
    build_in(g, "svd")
    assert len(g) == 2
    assert relative_error(expected, evaluate(g, x)[0]) < 2e-5


@pytest.mark.parametrize("op", MATRICES[:3] + MATRICES[4:], ids=lambda op: str(op.attributes))
def test_a_low_rank_product_is_found_on_data(op: Op) -> None:
    """Data in a subspace of 2 dimensions: rank 2 (and the bias, for the mean) is enough though the weights have 5."""
    g = graph_of(op)
    shape = [d if isinstance(d, int) else 200 for d in op.operands[0].type.dims]
    x = (np.random.default_rng(0).standard_normal((*shape[:-1], 2)) @ array(3, 2, 6) + 1).astype(np.float32)
    expected = evaluate(g, x)[0]
    h = run("factorize(svd, ranks='layer=2')", g, data=[x])
    assert Size.of(h).parameters < Size.of(g).parameters
    assert relative_error(expected, evaluate(h, x)[0]) < 1e-2
    plain = run("factorize(svd, ranks='layer=2')", g)
    assert relative_error(expected, evaluate(plain, x)[0]) > 5e-2


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("select", ["enc", "uniform"])
@pytest.mark.parametrize("share", [0.3, 0.6])
def test_macs_budget_is_met_and_used(graph: Graph, method: str, select: str, share: float) -> None:
    small = run(f"factorize({method}, macs={share}, select={select})", graph)
    left = Size.of(small).macs / Size.of(graph).macs
    assert left <= share
    assert left > share - 0.08
    assert small.outputs[0].type == graph.outputs[0].type
    assert small.inputs[0].type == graph.inputs[0].type


def test_parameter_and_latency_budgets(graph: Graph) -> None:
    small = run("factorize(tucker, params=0.4)", graph)
    assert Size.of(small).parameters <= 0.4 * Size.of(graph).parameters
    wide = graph_of(MatMul(Graph().input("x", tensor("float32", 64, 1024)), Const(array(0, 1024, 1024))))
    assert len(run("factorize(svd, latency=0.5)", wide)) == 2


@pytest.mark.parametrize("pipeline", ["macs=0.0001", "params=0.001"])
def test_a_budget_out_of_reach_says_what_can_be_reached(graph: Graph, pipeline: str) -> None:
    with pytest.raises(Error, match="cannot be met: ranks of 1 leave"):
        run(f"factorize(svd, {pipeline})", graph)


def test_wrong_options_are_explained(graph: Graph) -> None:
    with pytest.raises(Error, match="one budget"):
        run("factorize(svd, macs=0.5, params=0.5)", graph)
    with pytest.raises(Error, match="up to 1"):
        run("factorize(svd, macs=1.5)", graph)
    with pytest.raises(Error, match="no layer is called 'nothing'"):
        run("factorize(svd, layers=nothing)", graph)
    with pytest.raises(Error, match="'name=8'"):
        run("factorize(svd, ranks='8')", graph)
    with pytest.raises(Error, match="tucker takes 2"):
        run("factorize(tucker, ranks='8=4')", graph)


@pytest.fixture(scope="module")
def trained() -> tuple[Graph, list[np.ndarray], np.ndarray]:
    """The trained ResNet-8, calibration images and others that calibration does not see."""
    images = [np.load(EXAMPLES / "data" / f"fashion_mnist_{n}.npz")["x"] for n in ("calib", "test")]
    return run("fold", load(EXAMPLES / "resnet8.onnx")), [images[0][:128]], images[1][:128]


def held_out_error(trained: tuple[Graph, list[np.ndarray], np.ndarray], pipeline: str, data: bool) -> float:
    whole, seen, others = trained
    small = run(pipeline, whole, data=seen if data else None, check=False)
    return float(np.square(evaluate(small, others)[0] - evaluate(whole, others)[0]).mean())


@pytest.mark.parametrize("data", [False, True])
@pytest.mark.parametrize("method", ["svd", "spatial_svd", "tucker"])
def test_enc_beats_uniform_on_held_out_data(
    trained: tuple[Graph, list[np.ndarray], np.ndarray], method: str, data: bool
) -> None:
    errors = [held_out_error(trained, f"factorize({method}, macs=0.5, select={s})", data) for s in ("enc", "uniform")]
    assert errors[0] < 0.8 * errors[1]


@pytest.mark.parametrize("method", ["svd", "spatial_svd", "tucker"])
def test_data_lessens_the_error(trained: tuple[Graph, list[np.ndarray], np.ndarray], method: str) -> None:
    errors = [held_out_error(trained, f"factorize({method}, macs=0.5)", data) for data in (True, False)]
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize("select", ["energy", "vbmf"])
@pytest.mark.parametrize("method", METHODS)
def test_ranks_by_energy_and_vbmf(graph: Graph, method: str, select: str) -> None:
    small = run(f"factorize({method}, select={select}, energy=0.5)", graph)
    assert Size.of(small).macs < Size.of(graph).macs


def test_more_energy_means_less_error(graph: Graph) -> None:
    x = DATA[0][:8]
    errors = [
        relative_error(evaluate(graph, x)[0], evaluate(run(f"factorize(svd, select=energy, energy={e})", graph), x)[0])
        for e in (0.3, 0.7, 0.95)
    ]
    assert errors == sorted(errors, reverse=True)


def test_named_ranks_are_taken(graph: Graph) -> None:
    small = run("factorize(tucker, ranks=['8=12x6', '12=5'])", graph)
    shapes = {c.name: c.data.shape for c in small.consts}
    assert shapes["8.0.weight"] == (6, 32, 1, 1)
    assert shapes["8.1.weight"] == (12, 6, 5, 5)
    assert shapes["8.2.weight"] == (32, 12, 1, 1)
    assert shapes["12.0.weight"] == (5, 128)
    assert "0.weight" in shapes


def test_reasons_are_given(graph: Graph) -> None:
    text = str(explain("factorize(svd, macs=0.5, exclude='14')", graph))
    assert "it has 24 groups already" in text
    assert "it is excluded" in text
    assert "svd of rank" in text
    narrow = graph_of(Conv(Graph().input("x", tensor("float32", 1, 1, 8, 8)), Const(array(0, 1, 1, 2, 2))))
    assert "no rank is cheaper" in str(explain("factorize(svd, select=energy, energy=0)", narrow))
    quantized = str(explain("fake_quantize, factorize(svd, select=energy)", graph, data=DATA))
    assert "factorize before they are quantized" in quantized


def test_outlines_cost_what_chains_cost(graph: Graph) -> None:
    for op in graph.ops:
        layer = layer_of(op)
        if isinstance(layer, Linear):
            for method in METHODS:
                f = Factorization(layer, method)  # type: ignore[arg-type]
                ranks = tuple(max(1, r // 3) for r in f.full)
                assert f.cost(ranks, MACS) == MACS(detached(f.build(ranks)))


@pytest.mark.parametrize("method", METHODS)
def test_onnxruntime_agrees(graph: Graph, method: str) -> None:
    """Out through ONNX and in again: the raw file goes the same way as the module."""
    file = io.BytesIO()
    onnx.save(to_proto(graph), file)
    small = run(f"factorize({method}, macs=0.5)", load(file.getvalue()), data=DATA)
    session = onnxruntime.InferenceSession(to_proto(small).SerializeToString(), providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {session.get_inputs()[0].name: DATA[0][:4]})
    assert relative_error(evaluate(small, DATA[0][:4])[0], got) < 1e-4


def test_gradients_reach_every_factor(graph: Graph) -> None:
    module = to_torch(run("factorize(cp, macs=0.5)", graph)).train()
    out = module(torch.from_numpy(DATA[0][:4]))
    out = out[0] if isinstance(out, tuple) else out
    out.square().sum().backward()
    parameters = dict(module.named_parameters())
    assert "8.0.weight" in parameters
    assert "8.bias" in parameters
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in parameters.values())


@pytest.mark.parametrize(
    "pipeline",
    [
        "prune(channels, 0.25), factorize(spatial_svd, macs=0.6)",
        "factorize(spatial_svd, macs=0.6), prune(channels, 0.25)",
        "factorize(tucker, macs=0.6), quantize(int8)",
        "prune(channels, 0.25), factorize(svd, macs=0.6), quantize(int8)",
        "factorize(svd, macs=0.6), prune(channels, 0.25), quantize(int8)",
        "factorize(svd, macs=0.5), merge, fold",
    ],
)
def test_other_passes_come_before_and_after(graph: Graph, pipeline: str) -> None:
    small, report = run(pipeline, graph, data=DATA, report=True)
    verify(small)
    assert small.outputs[0].type == graph.outputs[0].type
    assert Size.of(small).macs < 0.7 * Size.of(graph).macs
    assert all("not checked" not in row.check for row in report.rows)


def test_shared_weights_stay_shared() -> None:
    g = Graph("tied")
    w = Const(array(0, 16, 16))
    y = MatMul(Relu(MatMul(g.input("x", tensor("float32", 4, 16)), w)), w)
    g.append(y)
    g.set_outputs({"y": y})
    assert "shared by 2 ops" in str(explain("factorize(svd, select=energy, energy=0)", g))


@pytest.mark.parametrize("pipeline", ["factorize(svd, macs=0.6)", "factorize(svd, params=0.6), fold"])
def test_layers_of_any_form_are_found_before_fold(pipeline: str) -> None:
    """Attention and linear layers without a bias read transposed weights; they are layers all the same."""

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(12, 40, bias=False), nn.Linear(40, 40)
            self.attention = nn.MultiheadAttention(40, 4, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.first(x)
            return self.last(x + self.attention(x, x, x)[0])

    torch.manual_seed(0)
    module, x = Attention().eval(), array(0, 2, 6, 12)
    g = from_torch(module, (torch.from_numpy(x),))
    small = run(pipeline, g)
    assert Size.of(small).macs < 0.7 * Size.of(g).macs
    with torch.no_grad():
        assert relative_error(module(torch.from_numpy(x)).numpy(), evaluate(g, x)[0]) < 1e-5
    session = onnxruntime.InferenceSession(to_proto(small).SerializeToString(), providers=["CPUExecutionProvider"])
    assert relative_error(evaluate(small, x)[0], session.run(None, {"x": x})[0]) < 1e-4


def test_where_no_layer_can_change_that_is_said() -> None:
    g = Graph("product")
    y = MatMul(g.input("a", tensor("float32", 4, 4)), g.input("b", tensor("float32", 4, 4)))
    g.append(y)
    g.set_outputs({"y": y})
    with pytest.raises(Error, match="no layer can be changed, and all take 64"):
        run("factorize(svd, macs=0.5)", g)


def test_free_sizes_cost_something() -> None:
    """A network for images of any size: its convolutions would not fit into 1 x 1, yet there is much to save."""
    sizes = [symbol(s) for s in ("N", "H", "W")]
    g = Graph("any")
    x = Relu(Conv(g.input("x", tensor("float32", sizes[0], 8, *sizes[1:])), Const(array(0, 32, 8, 5, 5))))
    g.append(Conv(x, Const(array(1, 32, 32, 5, 5)), strides=(2, 2)))
    g.set_outputs({"y": g.ops[-1]})
    small = run("factorize(tucker, macs=0.5)", g)
    assert len(small) > len(g)
    assert (
        Size.of(small.bind({"N": 1, "H": 64, "W": 64})).macs <= 0.5 * Size.of(g.bind({"N": 1, "H": 64, "W": 64})).macs
    )
