"""Batch normalizations behind binary layers: where they are put, what they begin with, and that they end in scales."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import lissom as ls
from lissom.ir.dims import symbol
from lissom.ir.graph import Graph, Stage
from lissom.ir.op import Op
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.binarize import Binarize
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mask import Mask
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Const, Value
from tests.passes.train.conftest import Net


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(["conv", "grouped", "gemm", "turned gemm"]),
    st.sampled_from(["none", "one", "channel"]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 99),
)
def test_fold_puts_a_normalization_into_scale_signs_and_bias(
    kind: str, scale: str, bias: bool, masked: bool, seed: int
) -> None:
    """The sum with the normalization behind it, computed by torch, is the folded layer's; scales stay above zero."""
    rng = np.random.default_rng(seed)
    group = 2 if kind == "grouped" else 1
    shape = {"gemm": (4, 6), "turned gemm": (6, 4)}.get(kind, (6, 4 // group, 3, 3))
    axis = 1 if kind == "gemm" else 0
    w = rng.standard_normal(shape).astype(np.float32)
    w[rng.random(shape) < 0.2] = 0  # the sign of zero is 1, whatever becomes of it
    w[rng.random(shape) < 0.2] = -0.0
    factor = {"none": None, "one": np.float32(0.3), "channel": rng.uniform(0.1, 2, 6).astype(np.float32)}[scale]
    signs: Value = Binarize(Const(w, "w", trainable=True), None if factor is None else Const(np.asarray(factor)), axis)
    keep = rng.random(shape) < 0.7
    if masked:
        signs = Mask(signs, Const(keep))
    b = Const(rng.standard_normal(6).astype(np.float32)) if bias else None
    dims = (4,) if "gemm" in kind else (4, 5, 5)
    graph = Graph()
    x = graph.input("x", TensorType(DType.float32, (symbol("N"), *dims)))
    layer: Op = Gemm(x, signs, b, transB=int(axis == 0)) if "gemm" in kind else Conv(x, signs, b, group=group)
    gamma, beta, mean = (rng.standard_normal(6).astype(np.float32) for _ in range(3))
    var = rng.uniform(0.1, 2, 6).astype(np.float32)
    graph.set_outputs({"y": BatchNormalization(layer, *map(Const, (gamma, beta, mean, var)))})
    graph.stage = Stage.decided
    folded = ls.run("fold", graph)
    assert not any(isinstance(op, BatchNormalization) for op in folded.ops)
    (made,) = [op for op in folded.ops if isinstance(op, Binarize)]
    assert isinstance(made.scale, Const)
    assert (made.scale.data > 0).all()

    fed = rng.standard_normal((3, *dims)).astype(np.float32)
    sign = np.where(w >= 0, 1.0, -1.0)
    if factor is not None:
        sign = sign * np.broadcast_to(factor, 6).reshape([6 if i == axis else 1 for i in range(len(shape))])
    if masked:
        sign = np.where(keep, sign, 0)
    t, s = torch.from_numpy(fed).double(), torch.from_numpy(sign).double()
    summed = torch.nn.functional.conv2d(t, s, groups=group) if len(dims) > 1 else t @ (s.T if axis == 0 else s)
    along = (1, 6, *[1] * (summed.ndim - 2))
    if b is not None:
        summed = summed + torch.from_numpy(b.data).double().reshape(along)
    g, d, m, v = (torch.from_numpy(a).double().reshape(along) for a in (gamma, beta, mean, var))
    expected = ((summed - m) / torch.sqrt(v + 1e-5) * g + d).numpy()
    (got,) = ls.evaluate(folded, fed)
    np.testing.assert_allclose(got, expected, atol=2e-5 * np.abs(expected).max())


def layers(graph: Graph) -> list[Op]:
    return [op for op in graph.ops if isinstance(op, Conv | ConvTranspose | Gemm)]


def moments(graph: Graph, names: list[str], x: Array) -> list[tuple[Array, Array]]:
    probe = graph.clone()
    ops = {op.name: op for op in probe.ops}
    probe.set_outputs({n: ops[n] for n in names})
    found = []
    for a in ls.evaluate(probe, x):
        rows = np.moveaxis(a.astype(np.float64), 1, 0).reshape(a.shape[1], -1)
        found.append((rows.mean(1), rows.std(1)))
    return found


def test_channels_begin_with_the_moments_they_had(net: Net, train_data: dict[str, Array]) -> None:
    graph = ls.run("fold", net())
    names = [op.name for op in layers(graph)][:-1]
    x = train_data["x"][:64]
    decided = ls.run("binarize(norm=true)", graph, data=[train_data])
    norms = [op for op in decided.ops if isinstance(op, BatchNormalization)]
    assert [op.operands[0].name for op in norms] == names, "the last layer is the output and has none"
    for (mean, std), (mean_now, std_now) in zip(
        moments(graph, names, x), moments(decided, [n.name for n in norms], x), strict=True
    ):
        np.testing.assert_allclose(mean_now, mean, atol=1e-4 * np.abs(mean).max())
        np.testing.assert_allclose(std_now, std, rtol=0.01, atol=1e-4 * std.max())
    before, after, plain = (
        np.abs(ls.evaluate(g, x)[0] - ls.evaluate(graph, x)[0]).mean()
        for g in (ls.run("fold", decided), decided, ls.run("binarize", graph))
    )
    assert before == pytest.approx(after, rel=1e-3)
    assert after < plain


def test_a_normalization_that_is_there_is_not_doubled(net: Net, train_data: dict[str, Array]) -> None:
    graph = net()
    there = sum(isinstance(op, BatchNormalization) for op in graph.ops)
    assert there
    decided = ls.run("binarize(norm=true)", graph, data=[train_data])
    behind = [sum(isinstance(u, BatchNormalization) for u in op.users) for op in layers(decided)]
    assert max(behind) == 1


@pytest.mark.parametrize("scheme", ["binary_connect(epochs=2, lr=0.02)", "bnn(epochs=2, lr=0.02, exclude=[first])"])
def test_trained_with_them_simulation_interpreter_and_c_agree(
    net: Net, train_data: dict[str, Array], tmp_path: Path, scheme: str
) -> None:
    trained = ls.run(f"fold, {scheme}", net(16), data=[train_data])
    assert not any(isinstance(op, BatchNormalization) for op in trained.ops)
    encoded = ls.run("encode", trained)
    simulated = ls.to_torch(trained)(torch.from_numpy(train_data["x"][:16])).detach().numpy()
    size = np.abs(simulated).max()
    ls.emit(encoded, tmp_path / "c", target="portable")
    artifact = ls.Artifact(tmp_path / "c")
    got = np.concatenate([artifact.run(train_data["x"][i : i + 1])[0] for i in range(16)])
    np.testing.assert_allclose(got, simulated, atol=2e-5 * size)
    integer = ls.run("quantize(int8)", trained, data=[train_data])
    ls.emit(integer, tmp_path / "int8", target="portable")
    artifact = ls.Artifact(tmp_path / "int8")
    for i in range(16):
        x = train_data["x"][i : i + 1]
        (expected,) = ls.evaluate(integer, x)
        assert artifact.run(x)[0].tobytes() == expected.tobytes()
