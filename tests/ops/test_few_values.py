"""Ops on weights of few values (Binarize, Ternarize, Codebook) against loops over elements, and their gradients."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lissom as ls
from lissom.backends.onnx.write import to_proto
from lissom.ir.families.packing import pack, packed_bytes, unpack
from lissom.ir.graph import Graph
from lissom.ir.ops.add import Add
from lissom.ir.ops.binarize import Binarize
from lissom.ir.ops.codebook import Codebook
from lissom.ir.ops.ternarize import Ternarize
from lissom.ir.samples import value, weight
from lissom.ir.types import Array, tensor
from lissom.ir.values import Const


def of_channels(w: Array, scale: str, axis: int) -> list[Any]:
    """Views of what shares a scale."""
    return [w] if scale == "tensor" else list(np.moveaxis(w, axis, 0))


@given(st.integers(1, 8), st.lists(st.integers(0, 255), max_size=40))
def test_packed_numbers_come_back(bits: int, numbers: list[int]) -> None:
    held = np.array([n % 2**bits for n in numbers], np.int64)
    packed = pack(held, bits)
    assert packed.nbytes == packed_bytes(len(held), bits)
    stream = sum(int(n) << bits * i for i, n in enumerate(held))  # one long number, the definition
    assert int.from_bytes(packed.tobytes(), "little") == stream
    assert unpack(torch.from_numpy(packed), bits, len(held)).tolist() == held.tolist()


@pytest.mark.parametrize(("scale", "axis"), [("tensor", 0), ("channel", 0), ("channel", 1)])
def test_ternarize_is_the_papers(scale: Any, axis: int) -> None:
    w = np.random.default_rng(0).standard_normal((3, 4, 2)).astype(np.float32)
    ternary = Ternarize(Const(w), scale, axis).run(torch.from_numpy(w)).numpy()
    for part, got in zip(*(of_channels(a, scale, axis) for a in (w, ternary)), strict=True):
        mean = np.abs(part).mean()
        large = [abs(x) for x in part.ravel() if abs(x) > 0.7 * mean]
        alpha = sum(large) / len(large)
        expected = [alpha * np.sign(x) if abs(x) > 0.7 * mean else 0 for x in part.ravel()]
        np.testing.assert_allclose(got.ravel(), expected, rtol=1e-6)


def test_binarize_scales_signs() -> None:
    w = np.array([[0.0, -0.2, 3.0], [-1.0, 1.0, -0.0]], np.float32)
    signs = np.where(w >= 0, 1, -1)
    x = torch.from_numpy(w)
    assert (Binarize(Const(w)).run(x).numpy() == signs).all()
    scale = torch.tensor([2.0, 3.0])
    assert (Binarize(Const(w), weight("s", 2)).run(x, scale).numpy() == signs * [[2], [3]]).all()
    scale = torch.tensor([2.0, 3.0, 4.0])
    assert (Binarize(Const(w), weight("s", 3), 1).run(x, scale).numpy() == signs * [[2, 3, 4]]).all()
    with pytest.raises(ls.Error, match="one for each channel"):
        Binarize(Const(w), weight("s", 3))


def test_gradient_of_the_sign_is_that_of_hard_tanh() -> None:
    x = torch.tensor([-3.0, -1.5, -0.5, 0.0, 0.5, 1.5, 3.0], requires_grad=True)
    y = Binarize(value("x", 7), window=2.0).run(x)
    assert y.tolist() == [-1, -1, -1, 1, 1, 1, 1]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 0.5, 0.5, 0.5, 0.5, 0.5, 0]


def test_gradient_of_binary_weights_and_their_scale() -> None:
    w = torch.tensor([[0.2, -0.4, 1.5], [-0.3, -2.0, 0.1]], requires_grad=True)
    scale = torch.tensor([0.5, 2.0], requires_grad=True)
    g = torch.tensor([[1.0, 2.0, 4.0], [3.0, 5.0, 7.0]])
    (Binarize(weight("w", 2, 3), weight("s", 2)).run(w, scale) * g).sum().backward()
    assert w.grad is not None
    assert scale.grad is not None
    assert w.grad.tolist() == [[0.5, 1, 0], [6, 0, 14]]
    assert scale.grad.tolist() == [1 - 2 + 4, -3 - 5 + 7]


def test_gradient_of_ternary_weights_passes_straight_through() -> None:
    w = torch.randn(4, 6, generator=torch.Generator().manual_seed(1), requires_grad=True)
    g = torch.randn(4, 6, generator=torch.Generator().manual_seed(2))
    (Ternarize(weight("w", 4, 6)).run(w) * g).sum().backward()
    torch.testing.assert_close(w.grad, g)


codebooks = st.tuples(st.integers(1, 8), st.lists(st.integers(1, 5), min_size=1, max_size=3), st.booleans())


def drawn(bits: int, shape: tuple[int, ...], sparse: bool, scaled: bool, seed: int) -> tuple[Codebook, Array, Array]:
    """A codebook, and its codes and bitmap one by one."""
    rng = np.random.default_rng(seed)
    entries = int(rng.integers(1, 2**bits + 1))
    codes = rng.integers(0, entries, shape)
    kept = rng.random(shape) < 0.5 if sparse else np.ones(shape, bool)
    table = rng.standard_normal(entries).astype(np.float32)
    axis = int(rng.integers(len(shape)))
    op = Codebook(
        Const(pack(codes[kept], bits), "codes"),
        Const(table, "centroids", trainable=True),
        shape,
        bits,
        Const(rng.random(shape[axis]).astype(np.float32), "scale") if scaled else None,
        axis,
        Const(pack(kept, 1), "kept") if sparse else None,
    )
    return op, codes, kept


@given(codebooks, st.booleans(), st.integers(0, 99))
def test_codebook_is_a_loop_over_codes(what: tuple[int, list[int], bool], scaled: bool, seed: int) -> None:
    bits, sizes, sparse = what
    op, codes, kept = drawn(bits, tuple(sizes), sparse, scaled, seed)
    assert isinstance(op.centroids, Const)
    expected = np.zeros(op.shape, np.float32)
    for at in product(*map(range, op.shape)):
        if kept[at]:
            scale = op.scale.data[at[op.axis]] if isinstance(op.scale, Const) else np.float32(1)
            expected[at] = op.centroids.data[codes[at]] * scale
    graph = Graph("g")
    graph.set_outputs({"y": graph.append(op)})
    (got,) = ls.evaluate(graph)
    np.testing.assert_array_equal(got, expected)


def test_gradient_of_a_centroid_is_the_sum_over_its_members() -> None:
    op, codes, kept = drawn(2, (5, 7), True, False, 3)
    assert isinstance(op.codes, Const)
    assert isinstance(op.centroids, Const)
    assert isinstance(op.kept, Const)
    table = torch.from_numpy(op.centroids.data.copy()).requires_grad_()
    g = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    (
        op.run(torch.from_numpy(op.codes.data.copy()), table, None, torch.from_numpy(op.kept.data.copy())) * g
    ).sum().backward()
    expected = [float(g.numpy()[(codes == k) & kept].sum()) for k in range(len(table))]
    assert table.grad is not None
    np.testing.assert_allclose(table.grad.numpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("sparse", [False, True])
def test_onnxruntime_decodes_it(bits: int, sparse: bool) -> None:
    op, _, _ = drawn(bits, (5, 3, 7), sparse, True, bits)
    graph = Graph("g")
    x = graph.input("x", tensor("float32", 5, 3, 7))
    graph.set_outputs({"y": graph.append(Add(x, graph.append(op.named("w"))).named("y"))})
    proto = to_proto(graph)
    assert {n.domain for n in proto.graph.node} == {""}
    stored = sum(len(i.raw_data) for i in proto.graph.initializer)
    assert stored < 105 * (bits if bits in (1, 2, 4) and not sparse else 2 * bits + 8) / 8 + 4 * 2**bits + 200
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    feed = np.random.default_rng(0).standard_normal((5, 3, 7)).astype(np.float32)
    (theirs,) = session.run(None, {"x": feed})
    (ours,) = ls.evaluate(graph, feed)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("codes", "entries", "bits", "message"),
    [(3, 2, 1, "2 bytes of codes"), (2, 3, 1, "1 to 2 float centroids"), (2, 2, 9, "codes of 1 to 8 bits")],
)
def test_codebook_refuses_what_does_not_fit(codes: int, entries: int, bits: int, message: str) -> None:
    with pytest.raises(ls.Error, match=message):
        Codebook(Const(np.zeros(codes, np.uint8)), weight("c", entries), (3, 4), bits)
