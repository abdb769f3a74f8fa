"""Weights of few values: what is decided, against loops and scipy; and what every scheme keeps to."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.vq import kmeans2

import lissom as ls
from lissom.ir.graph import Graph
from lissom.ir.ops.binarize import Binarize
from lissom.ir.ops.codebook import Codebook
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.lookup import Lookup
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.qlinear_conv import QLinearConv
from lissom.ir.ops.qlinear_gemm import QLinearGemm
from lissom.ir.ops.where import Where
from lissom.ir.types import Array, DType
from lissom.ir.values import Const, Value
from lissom.passes.encode.kmeans import kmeans
from lissom.passes.encode.layers import operand_of, weights_of
from lissom.passes.encode.powers_of_two import nearest, powers
from lissom.passes.graph_pass import Step
from lissom.passes.pipeline import parse_pipeline
from tests.passes.train.conftest import Net

numbers = st.lists(st.integers(-40, 40).map(lambda n: n / 8), min_size=1, max_size=60)


def operands(graph: Graph) -> dict[str, Value]:
    return {op.name: operand_of(op) for op in graph.ops if isinstance(op, Conv | Gemm)}


def values_of(value: Value) -> Array:
    """A weight as the layer sees it."""
    assert value.graph is not None
    probe = value.graph.clone()
    (same,) = [v for op in probe.ops for v in op.operands if v.name == value.name and v.type == value.type][:1]
    probe.set_outputs({"w": same})
    (found,) = ls.evaluate(probe, *(np.zeros((1, *i.type.dims[1:]), np.float32) for i in probe.inputs))
    return found


# ---- k-means


@given(numbers, st.integers(1, 16), st.sampled_from(["linear", "density", "random"]), st.integers(0, 9))
def test_kmeans_ends_where_no_value_and_no_centroid_wants_to_move(
    values: list[float], k: int, start: Any, seed: int
) -> None:
    x = np.array(values)
    centroids, members = kmeans(x, k, start, seed)
    assert len(centroids) <= k
    assert set(members.tolist()) == set(range(len(centroids)))
    distance = np.abs(x[:, None] - centroids[None])
    np.testing.assert_allclose(distance[np.arange(len(x)), members], distance.min(1), atol=1e-12)
    for i, c in enumerate(centroids):
        assert c == pytest.approx(x[members == i].mean(), abs=1e-9)


@pytest.mark.parametrize("k", [2, 4, 16])
def test_kmeans_is_scipys(k: int) -> None:
    x = np.random.default_rng(k).standard_normal(500)
    centroids, members = kmeans(x, k)
    theirs, labels = kmeans2(x[:, None], np.linspace(x.min(), x.max(), k)[:, None], iter=500, minit="matrix")
    used = np.unique(labels)
    np.testing.assert_allclose(centroids, theirs[used, 0], rtol=1e-9)
    np.testing.assert_array_equal(used[members], labels)


# ---- powers of two


@given(st.lists(st.floats(-8, 8, width=32), min_size=1, max_size=30), st.integers(2, 6))
def test_powers_of_two_are_those_of_inq(weights: list[float], bits: int) -> None:
    """Zhou et al. 2017, eq. 1 to 4, one weight at a time."""
    w = np.array(weights, np.float32)
    s = float(np.abs(w).max())
    if s == 0:
        assert nearest(w, powers(s, bits)).tolist() == [0.0] * len(w)
        return
    n1 = math.floor(math.log2(4 * s / 3))
    n2 = n1 + 1 - 2 ** (bits - 1) / 2
    levels = [0.0, *(2.0**n for n in range(int(n2), n1 + 1))]
    for x, got in zip(w.tolist(), nearest(w, powers(s, bits)).tolist(), strict=True):
        expected = None
        for a, b in pairwise(levels):
            if (a + b) / 2 <= abs(x) < 3 * b / 2:
                expected = math.copysign(b, x)
        assert got == (expected or 0.0)


def test_inq_fixes_the_largest_and_never_changes_them(net: Net, train_data: dict[str, Array]) -> None:
    graph = net()
    half = ls.run("powers_of_two(0.5)", graph)
    for name, where in operands(half).items():
        assert isinstance(where, Where)
        assert isinstance(where.condition, Const)
        assert isinstance(where.y, Const)
        fixed, w = where.condition.data, where.y.data
        assert fixed.sum() == round(fixed.size / 2), name
        assert np.abs(w[fixed]).min() >= np.abs(w[~fixed]).max()
    trained = ls.run("finetune(epochs=2, lr=0.01, decay=0.1)", half, data=[train_data])
    for name, before in operands(half).items():
        after = operands(trained)[name]
        assert isinstance(before, Where)
        assert isinstance(before.condition, Const)
        fixed = before.condition.data
        now, then = values_of(after), values_of(before)
        assert (now[fixed] == then[fixed]).all()
        assert (now[~fixed] != then[~fixed]).mean() > 0.9
    more = ls.run("powers_of_two(0.75), powers_of_two(1)", trained)
    for name, before in operands(trained).items():
        assert isinstance(before, Where)
        assert isinstance(before.condition, Const)
        end = operands(more)[name]
        assert isinstance(end, Const)
        assert not end.trainable
        assert (end.data[before.condition.data] == values_of(before)[before.condition.data]).all()
        exponents = np.log2(np.abs(end.data[end.data != 0]))
        assert (exponents == np.round(exponents)).all()
        assert len(np.unique(end.data)) <= 17


# ---- every scheme

SCHEMES = {
    "binary_connect(epochs=6, lr=0.01, batch=32)": ("encode", 2),
    "bnn(epochs=8, lr=0.01, batch=32, exclude=[first])": ("encode", 2),
    "twn(epochs=6, lr=0.01, batch=32)": ("encode", 3),
    "inq(epochs=2, lr=0.005, batch=32)": ("encode", 17),
    "share(2, epochs=4, lr=0.01, batch=32)": ("", 4),
}


@pytest.mark.parametrize("onnx", [False, True], ids=["torch", "onnx"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_scheme_learns_and_its_encoded_form_is_equal(
    net: Net, train_data: dict[str, Array], test_data: dict[str, Array], scheme: str, onnx: bool
) -> None:
    trained = ls.run("finetune(epochs=6, lr=0.01, batch=32)", net(onnx=onnx), data=[train_data])
    realize, count = SCHEMES[scheme]
    (step,) = parse_pipeline(scheme)
    untrained = ls.run(
        [s for s in step.expand() if s.of.name not in ("distill", "finetune")], trained, data=[train_data]
    )
    decided, report = ls.run(scheme, trained, data=[train_data], report=True)
    losses = [r["loss"] for row in report.rows for r in row.tables.get("training", [])]
    assert losses[-1] < losses[0]
    assert error_of(decided, test_data) <= error_of(untrained, test_data) + 0.01, "five of 512"
    assert error_of(decided, test_data) < 0.3, "chance is 0.75"
    encoded, report = ls.run(realize, decided, report=True)
    before, after = error_of(decided, test_data), error_of(encoded, test_data)
    assert before == after
    a, b = (ls.evaluate(g, test_data["x"])[0] for g in (decided, encoded))
    np.testing.assert_allclose(a, b, atol=1e-5 * np.abs(a).max())
    books = [v for name, v in operands(encoded).items() if isinstance(v, Codebook)]
    assert len(books) == (2 if "first" in scheme else 3)
    for book in books:
        channels = np.moveaxis(values_of(book), 0, -1).reshape(-1, book.type.dims[0])
        for channel in channels.T if book.scale is not None else [channels]:
            assert len(np.unique(channel)) <= count
    rows = [r for row in report.rows for r in row.tables.get("encoded", [])]
    assert all(r["encoded"] < r["bytes"] for r in rows)


def error_of(graph: Graph, data: dict[str, Array]) -> float:
    (logits,) = ls.evaluate(graph, data["x"])
    return float((logits.argmax(1) != data["y"]).mean())


@pytest.mark.parametrize("scheme", [*SCHEMES, "cluster(3, density)", "inq(4, [0.5, 1.0], epochs=3, exclude=[last])"])
def test_text_comes_back(scheme: str) -> None:
    (step,) = parse_pipeline(scheme)
    again = parse_pipeline(str(step))
    assert again == [step]
    inner: list[Step] = step.expand()
    assert parse_pipeline(", ".join(map(str, inner))) == inner


def test_signs_begin_nearest_to_the_weights_and_real_weights_stay_in_the_window(
    net: Net, train_data: dict[str, Array]
) -> None:
    graph = net()
    decided = ls.run("binarize", graph)
    for (name, value), before in zip(operands(decided).items(), operands(graph).values(), strict=True):
        assert isinstance(value, Binarize)
        assert isinstance(before, Const)
        nearest_loss = ((values_of(value) - before.data) ** 2).sum()
        for factor in (0.95, 1.05):  # Rastegari et al. 2016, eq. 6
            assert nearest_loss < ((factor * values_of(value) - before.data) ** 2).sum(), name
    trained = ls.run("binary_connect(epochs=3, lr=0.5, batch=32, scale=one, norm=false)", graph, data=[train_data])
    for value in operands(trained).values():
        assert isinstance(value, Binarize)
        assert isinstance(value.x, Const)
        assert np.abs(value.x.data).max() == np.float32(value.window)
        assert set(np.unique(values_of(value))) == {-1, 1}


def test_bnn_replaces_activation_functions(net: Net, train_data: dict[str, Array]) -> None:
    graph = ls.run("fold, binarize(activations=true)", net(), data=[train_data])
    kinds = [op.op_type for op in graph.ops]
    assert "Relu" not in kinds
    signs = [op for op in graph.ops if isinstance(op, Binarize) and not isinstance(op.x, Const)]
    assert len(signs) == 2, "conv1 reads the input of the network"
    assert all(0 < s.window != 1 for s in signs)
    realized = ls.run("encode", graph)
    assert not any(isinstance(op, Binarize) for op in realized.ops)


# ---- pruned weights


@pytest.mark.parametrize("scheme", ["share(3, epochs=2, lr=0.01)", "inq(epochs=1), encode", "twn(epochs=1), encode"])
def test_pruned_weights_stay_zero(net: Net, train_data: dict[str, Array], scheme: str) -> None:
    pruned = ls.run("finetune(epochs=4, lr=0.01, sparsity=0.7)", net(), data=[train_data])
    dense = ls.run(scheme, net(), data=[train_data])
    keep = {}
    for name, v in operands(pruned).items():
        assert isinstance(v, Mask)
        assert isinstance(v.keep, Const)
        keep[name] = v.keep.data
    small = ls.run(scheme, pruned, data=[train_data])
    for name, book in operands(small).items():
        assert isinstance(book, Codebook)
        assert book.kept is not None
        assert (values_of(book)[~keep[name]] == 0).all()
        other = operands(dense)[name]
        assert isinstance(other, Codebook)
        assert book.codes.type.size() < 0.5 * other.codes.type.size()


def test_zeros_written_into_weights_count_as_pruned(net: Net, train_data: dict[str, Array]) -> None:
    graph = ls.run("finetune(sparsity=0.7), apply_masks, cluster(3)", net(), data=[train_data])
    assert all(isinstance(v, Codebook) and v.kept is not None for v in operands(graph).values())


# ---- what cannot be


def test_excluded_layers_stay(net: Net) -> None:
    graph = net()
    names = list(operands(graph))
    for exclude, left in (("[first, last]", names[1:-1]), (f"[{names[1]!r}]", [names[0], names[2]])):
        found = operands(ls.run(f"ternarize(exclude={exclude})", graph))
        assert [n for n, v in found.items() if not isinstance(v, Const)] == left


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ("ternarize(exclude=[conv9])", "no op 'conv9'"),
        ("binarize, binarize", "no layer is left"),
        ("cluster(9)", "bits is 1 to 8, got 9"),
        ("powers_of_two(0)", "share is above 0"),
        ("powers_of_two(bits=1)", "bits is 2 to 8"),
        ("powers_of_two(0.5), cluster", "fix all or none"),
        ("share(epochs=0)", "epochs is at least 1"),
    ],
)
def test_refusals(net: Net, pipeline: str, message: str) -> None:
    with pytest.raises(ls.Error, match=message):
        ls.run(pipeline, net())


def test_weights_that_are_not_numbers_are_refused(net: Net) -> None:
    graph = net()
    (w, *_) = weights_of(graph, "test")
    graph.replace(w.const, w.const.replace(np.where(w.const.data > 0, np.nan, w.const.data)))
    with pytest.raises(ls.Error, match="NaN or Inf"):
        ls.run("cluster", graph)


# ---- what is written


WRITTEN = [
    "binarize, encode",
    "fold, binarize(activations=true, exclude=[first]), encode",
    "ternarize(scale=tensor), encode",
    "powers_of_two(bits=4), encode",
    "cluster(3)",
    "finetune(sparsity=0.8), cluster(3)",
]


@pytest.mark.parametrize("pipeline", WRITTEN)
def test_c_and_onnxruntime_compute_the_same_from_fewer_bytes(
    net: Net, train_data: dict[str, Array], tmp_path: Path, pipeline: str
) -> None:
    graph = ls.run("fold", net(16))
    small = ls.run(pipeline, graph, data=[train_data])
    x = train_data["x"][:16]
    (expected,) = ls.evaluate(small, x)
    size = np.abs(expected).max()
    ls.save(small, tmp_path / "small.onnx")
    ls.save(graph, tmp_path / "float.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "small.onnx", providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {session.get_inputs()[0].name: x})[0], expected, atol=1e-5 * size)
    assert (tmp_path / "small.onnx").stat().st_size < 0.5 * (tmp_path / "float.onnx").stat().st_size
    ls.emit(small, tmp_path / "c", target="portable")
    artifact = ls.Artifact(tmp_path / "c")
    (got,) = zip(*(artifact.run(x[i : i + 1]) for i in range(len(x))), strict=True)
    np.testing.assert_allclose(np.concatenate(got), expected, atol=1e-5 * size)
    bytes_of_floats = sum(c.type.nbytes() for c in graph.consts)
    assert artifact.report["artifact"]["weight_bytes"] < 0.25 * bytes_of_floats + 600


@pytest.mark.parametrize("pipeline", ["binarize(activations=true)", "ternarize", "powers_of_two(0.5)", "cluster(3)"])
def test_the_decided_graph_trains_in_plain_pytorch(net: Net, train_data: dict[str, Array], pipeline: str) -> None:
    graph = ls.run(f"fold, {pipeline}", net(), data=[train_data])
    module = ls.to_torch(graph)
    x, y = (torch.from_numpy(train_data[k]) for k in "xy")
    np.testing.assert_allclose(module(x).detach().numpy(), ls.evaluate(graph, train_data["x"])[0], atol=1e-4)
    optimizer = torch.optim.Adam(module.parameters(), 0.01)
    losses = []
    for _ in range(15):
        loss = torch.nn.functional.cross_entropy(module(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.95 * losses[0]


@pytest.mark.parametrize(
    "scheme", ["binarize", "ternarize", "ternarize(scale=tensor)", "finetune(sparsity=0.6), ternarize"]
)
def test_signs_are_integer_weights_of_two_bits_and_c_has_the_same_bytes(
    net: Net, train_data: dict[str, Array], tmp_path: Path, scheme: str
) -> None:
    decided = ls.run(f"fold, {scheme}", net(), data=[train_data])
    small, report = ls.run("quantize(int8)", decided, data=[train_data], report=True)
    assert report.rows[-1].check.startswith("equal")
    layers = [op for op in small.ops if isinstance(op, QLinearConv | QLinearGemm)]
    assert len(layers) == 3
    for op, before in zip(layers, operands(decided).values(), strict=True):
        assert isinstance(op.w, Const)
        assert isinstance(op.w_scale, Const)
        assert op.w.type.dtype is DType.int2
        scale = op.w_scale.data.reshape(-1, *[1] * (op.w.type.rank - 1))
        real = op.w.data.astype(np.float32) * scale
        np.testing.assert_array_equal(real, values_of(before))
    ls.emit(small, tmp_path / "c", target="portable")
    artifact = ls.Artifact(tmp_path / "c")
    for i in range(16):
        x = train_data["x"][i : i + 1]
        assert artifact.run(x)[0].tobytes() == ls.evaluate(small, x)[0].tobytes()


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_binary_activations_are_integers_and_no_sign_is_lost(
    net: Net, train_data: dict[str, Array], tmp_path: Path, dtype: str
) -> None:
    decided = ls.run(f"fold, bnn(epochs=1, lr=0.01), fake_quantize({dtype})", net(), data=[train_data])
    signs = [op.name for op in decided.ops if isinstance(op, Binarize) and not isinstance(op.x, Const)]
    assert len(signs) == 2
    small = ls.run("integerize", decided)
    assert {op.op_type for op in small.ops} <= {
        "QuantizeLinear", "QLinearConv", "QLinearGemm", "Lookup", "Flatten", "Reshape", "Dropout", "DequantizeLinear",
    }  # fmt: skip
    wanted = dict(zip(signs, inner(decided, signs, train_data["x"]), strict=True))
    tables = [op for op in small.ops if isinstance(op, Lookup)]
    assert len(tables) == 2
    zero = 0 if dtype == "int8" else 128
    for table, expected in zip(tables, wanted.values(), strict=True):
        (got,) = inner(small, [table.name], train_data["x"])
        np.testing.assert_array_equal((got.astype(np.float32).reshape(expected.shape) - zero) / 64, expected)
    ls.emit(small, tmp_path / "c", target="portable")
    artifact = ls.Artifact(tmp_path / "c")
    for i in range(16):
        x = train_data["x"][i : i + 1]
        assert artifact.run(x)[0].tobytes() == ls.evaluate(small, x)[0].tobytes()


def inner(graph: Graph, names: list[str], x: Array) -> list[Array]:
    """What ops compute, by their names."""
    probe = graph.clone()
    ops = {op.name: op for op in probe.ops}
    probe.set_outputs({n: ops[n] for n in names})
    return ls.evaluate(probe, x)
