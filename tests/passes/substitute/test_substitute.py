"""The pass: which layers it takes, what it says about the others, and that the result goes on to everything else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from lissom.backends.onnx import to_proto
from lissom.backends.torch import to_torch
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.importers.onnx import load
from lissom.ir.importers.torch import from_torch
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.verify import verify
from lissom.passes.compare import relative_error
from lissom.passes.explain import explain
from lissom.passes.report import Size
from lissom.passes.runner import run
from lissom.passes.substitute import BLOCKS
from lissom.passes.substitute.activation import replacement

torch.set_num_threads(1)
EXAMPLES = Path(__file__).parents[3] / "examples"
CONVOLUTIONAL = sorted(set(BLOCKS) - {"small_kernels"})


@pytest.fixture(scope="module")
def resnet() -> Graph:
    return run("fold", load(EXAMPLES / "resnet8.onnx"))


@pytest.fixture(scope="module")
def images() -> dict[str, np.ndarray]:
    return {n: np.load(EXAMPLES / "data" / f"fashion_mnist_{n}.npz")["x"][:128] for n in ("calib", "test")}


def error(whole: Graph, small: Graph, x: np.ndarray) -> float:
    expected = evaluate(whole, x)[0]
    return float(np.square(evaluate(small, x)[0] - expected).mean() / np.square(expected - expected.mean(0)).mean())


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_the_informed_start_is_nearer_than_a_random_one(
    resnet: Graph, images: dict[str, np.ndarray], name: str
) -> None:
    fitted = run(f"substitute({name})", resnet, data=[images["calib"]])
    drawn = run(f"substitute({name}, init=random)", resnet, data=[images["calib"]])
    assert Size.of(fitted).macs == Size.of(drawn).macs < 0.6 * Size.of(resnet).macs
    assert fitted.outputs[0].type == resnet.outputs[0].type
    assert error(resnet, fitted, images["test"]) < 0.7 * error(resnet, drawn, images["test"])


def test_depthwise_separable_saves_seven_times(resnet: Graph) -> None:
    """Of the convolutions with at least 32 outputs, as in any network of that block; narrow ones save less."""
    names = ["/stage2/conv2/Conv_output_0", "/stage3/conv2/Conv_output_0"]
    small = run(f"substitute(depthwise_separable, layers={names})", resnet)
    before = sum(op.macs() for op in resnet.ops if op.name in names)
    after = Size.of(small).macs - (Size.of(resnet).macs - before)
    assert before > 7 * after


def test_a_macs_budget_takes_the_layers_that_hurt_least(resnet: Graph, images: dict[str, np.ndarray]) -> None:
    data = [images["calib"][:64]]
    half = run("substitute(depthwise_separable, macs=0.5)", resnet, data=data)
    every = run("substitute(depthwise_separable)", resnet, data=data)
    assert 0.25 < Size.of(half).macs / Size.of(resnet).macs <= 0.5
    assert error(resnet, half, images["test"]) < error(resnet, every, images["test"])
    text = str(explain("substitute(depthwise_separable, macs=0.5)", resnet, data=data))
    assert "others save as many MACs for less error" in text
    assert "1.80634e+06 -> " in text
    with pytest.raises(Error, match="substituting every layer that may be leaves"):
        run("substitute(depthwise_separable, macs=0.01)", resnet)


def test_an_error_limit_leaves_what_hurts(resnet: Graph, images: dict[str, np.ndarray]) -> None:
    data = [images["calib"][:64]]
    sizes = [Size.of(run(f"substitute(grouped, error={e})", resnet, data=data)).macs for e in (0.0, 0.003, 10.0)]
    assert sizes[0] == Size.of(resnet).macs
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[1] > sizes[2]


def test_layers_are_chosen_by_name(resnet: Graph) -> None:
    small = run("substitute(bottleneck, layers='/stage3/*', exclude='*conv1*')", resnet)
    changed = {op.name for op in small.ops} - {op.name for op in resnet.ops}
    assert changed == {"/stage3/conv2/Conv_output_0.0", "/stage3/conv2/Conv_output_0.1"}
    with pytest.raises(Error, match="no layer is called"):
        run("substitute(bottleneck, layers=nowhere)", resnet)


def test_reasons_are_given(resnet: Graph) -> None:
    text = str(explain("substitute(fire, exclude='/stage1/*')", resnet))
    assert "it is a matrix product" in text
    assert "it is a convolution of one tap" in text
    assert "it is excluded" in text
    assert "is no large odd square" in str(explain("substitute(small_kernels)", resnet))
    assert "do not make 5 groups" in str(explain("substitute(grouped, groups=5)", resnet))
    assert "the block takes" in str(explain("substitute(inverted_residual, ratio=9)", resnet))


def test_large_kernels_become_small(images: dict[str, np.ndarray]) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 7, 2, 3), nn.ReLU()).eval()
    g = from_torch(module, (torch.zeros(64, 1, 28, 28),))
    small = run("substitute(small_kernels)", g, data=[images["calib"][:64]])
    drawn = run("substitute(small_kernels, init=random)", g)
    assert [c.data.shape[2:] for c in small.consts if c.data.ndim == 4] == [(3, 3)] * 4
    assert Size.of(small).macs < Size.of(g).macs
    x = images["test"][:64]
    assert error(g, small, x) < 0.5 * error(g, drawn, x)


@pytest.mark.parametrize("name", CONVOLUTIONAL)
@pytest.mark.parametrize("inner", ["none", "relu"])
def test_onnxruntime_and_gradients(resnet: Graph, images: dict[str, np.ndarray], name: str, inner: str) -> None:
    small = run(f"substitute({name}, inner={inner}, groups=2)", resnet, data=[images["calib"]])
    x = images["test"][:4]
    session = onnxruntime.InferenceSession(to_proto(small).SerializeToString(), providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {session.get_inputs()[0].name: x})
    assert relative_error(evaluate(small, x)[0], got) < 1e-4
    module = to_torch(small).train()
    out = module(torch.from_numpy(x))
    (out[0] if isinstance(out, tuple) else out).square().sum().backward()
    assert all(p.grad is not None for p in module.parameters())


@pytest.mark.parametrize(("name", "inside"), [("depthwise_separable", 7), ("grouped_shuffle", 8), ("ghost", 0)])
@pytest.mark.parametrize("inner", ["none", "relu"])
def test_norms_inside_a_block_change_nothing_and_fold_away(
    resnet: Graph, images: dict[str, np.ndarray], name: str, inside: int, inner: str
) -> None:
    """One in each of 7 blocks for 3x3, and of 8 with those for 1x1; both parts of a ghost block are outputs."""
    data, x = [images["calib"]], images["test"][:16]
    (expected,) = evaluate(run(f"substitute({name}, inner={inner})", resnet, data=data), x)
    normed = run(f"substitute({name}, inner={inner}, norm=true)", resnet, data=data)
    folded = run("fold", normed)
    norms = [[op for op in g.ops if isinstance(op, BatchNormalization)] for g in (normed, folded)]
    assert (len(norms[0]), norms[1]) == (inside, [])
    for graph in (normed, folded):
        assert relative_error(expected, evaluate(graph, x)[0]) < 1e-5


@pytest.mark.parametrize(
    "pipeline",
    [
        "substitute(grouped_shuffle), prune(channels, 0.25)",
        "prune(channels, 0.25), substitute(fire)",
        "substitute(ghost), quantize(int8)",
        "prune(channels, 0.25), substitute(depthwise_separable), quantize(int8)",
        "substitute(depthwise_separable), prune(channels, 0.25), quantize(int8)",
        "substitute(bottleneck), factorize(svd, select=energy)",
        "factorize(spatial_svd, macs=0.6), substitute(depthwise_separable)",
    ],
)
def test_other_passes_come_before_and_after(resnet: Graph, images: dict[str, np.ndarray], pipeline: str) -> None:
    small, report = run(pipeline, resnet, data=[images["calib"][:64]], report=True)
    verify(small)
    assert small.outputs[0].type == resnet.outputs[0].type
    assert Size.of(small).macs < 0.7 * Size.of(resnet).macs
    assert all("not checked" not in row.check for row in report.rows)


SMOOTH = [nn.SiLU(), nn.GELU(), nn.GELU("tanh"), nn.Mish(), nn.ELU(), nn.CELU(), nn.SELU(), nn.Softplus()]


@pytest.mark.parametrize("smooth", SMOOTH, ids=str)
@pytest.mark.parametrize("to", ["hard_swish", "relu", "relu6", "leaky_relu"])
def test_activations_become_piecewise(smooth: nn.Module, to: str) -> None:
    g = from_torch(nn.Sequential(nn.Linear(4, 4), smooth, nn.Linear(4, 2)), (torch.zeros(2, 4),))
    small = run(f"substitute(activation, {to})", g)
    kinds = {op.op_type for op in small.ops}
    wanted = {"hard_swish": "HardSwish", "relu": "Relu", "relu6": "Clip", "leaky_relu": "LeakyRelu"}[to]
    assert wanted in kinds
    assert not kinds & {"Swish", "Gelu", "Mish", "Elu", "Celu", "Selu", "Softplus"}


@pytest.mark.parametrize("smooth", [nn.SiLU(), nn.GELU(), nn.Mish()], ids=str)
def test_a_fitted_activation_is_nearer(smooth: nn.Module) -> None:
    g = from_torch(nn.Sequential(smooth, nn.Flatten()), (torch.zeros(2, 500),))
    x = np.random.default_rng(0).standard_normal((2, 500)).astype(np.float32) * 2
    expected = evaluate(g, x)[0]
    mean = [
        float(np.square(evaluate(run(f"substitute(activation, init={i})", g, data=[x]), x)[0] - expected).mean())
        for i in ("fit", "random")
    ]
    assert mean[0] <= mean[1] * 1.001
    assert mean[0] < 0.01


def test_gates_become_hard_and_probabilities_stay() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.sigmoid(self.b(x * torch.sigmoid(self.a(x))))

    g = from_torch(Gated(), (torch.zeros(2, 4),))
    small = run("substitute(activation)", g)
    assert [op.op_type for op in small.ops if "igmoid" in op.op_type] == ["HardSigmoid", "Sigmoid"]
    text = str(explain("substitute(activation)", g))
    assert "is a probability" in text
    assert "a hard one only" in str(explain("substitute(activation, relu)", g))
    gate = next(op for op in g.ops if op.op_type == "Sigmoid")
    assert replacement(gate, "hard_swish", None).attributes["alpha"] == pytest.approx(1 / 6)  # type: ignore[union-attr]
