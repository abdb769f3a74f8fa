"""The losses against PyTorch and the formulas of their papers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import lissom as ls
from lissom.ir.dims import symbol
from lissom.ir.errors import DataError, Error
from lissom.ir.graph import Graph
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.identity import Identity
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.max_pool import MaxPool
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.softmax import Softmax
from lissom.ir.ops.transpose import Transpose
from lissom.ir.types import Array, tensor
from lissom.ir.values import Const
from lissom.passes.notes import collecting
from lissom.passes.train import distill, finetune, losses
from lissom.passes.train.losses import Attention, Hints, Logits, Reconstruction
from lissom.passes.train.matching import channel_axis, inner_pairs, logits_of, output_pairs, stage_ends
from tests.passes.train.conftest import Net, const, weights

N = symbol("N")
CPU = torch.device("cpu")


def pair(*shape: int, other: tuple[int, ...] | None = None) -> tuple[Identity, Identity]:
    a, b = (Graph("g").input("x", tensor("float32", N, *s)) for s in (shape, other or shape))
    return Identity(a), Identity(b)


def drawn(*shapes: tuple[int, ...]) -> list[torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    return [torch.randn(8, *s, generator=rng) for s in shapes]


def test_logits_is_the_softened_divergence() -> None:
    a, b = pair(10)
    ours, theirs = drawn((10,), (10,))
    expected = F.kl_div((ours / 3).log_softmax(1), (theirs / 3).softmax(1), reduction="batchmean") * 9
    torch.testing.assert_close(Logits([(a, b)], 3.0)({a: ours}, {b: theirs}), expected)
    assert float(Logits([(a, b)], 3.0)({a: theirs}, {b: theirs})) == pytest.approx(0, abs=1e-6)


def test_logits_of_maps_are_compared_place_by_place() -> None:
    a, b = pair(10, 3, 3)
    ours, theirs = drawn((10, 3, 3), (10, 3, 3))
    each = F.kl_div(ours.log_softmax(1), theirs.softmax(1), reduction="none").sum(1)
    torch.testing.assert_close(Logits([(a, b)], 1.0)({a: ours}, {b: theirs}), each.mean())


def test_channels_of_rows_and_of_tokens() -> None:
    g = Graph("g")
    row, tokens = g.input("row", tensor("float32", N, 4, 9)), g.input("tokens", tensor("float32", N, 9, 4))
    conv = Relu(MaxPool(Conv(row, Const(np.ones((5, 4, 3), np.float32))), (2,)))
    product = Relu(MatMul(tokens, Const(np.ones((4, 5), np.float32))))
    assert channel_axis(conv) == 1
    assert channel_axis(product) == -1
    assert channel_axis(Transpose(product, (0, 2, 1))) == 1
    assert logits_of(conv) == (conv, 1)


def test_a_softmax_at_the_end_is_looked_through(net: Net) -> None:
    graph = net()
    (logits,) = graph.outputs
    graph.set_outputs({"p": Softmax(logits, 1)})
    assert logits_of(graph.outputs[0]) == (logits, 1)


def test_attention_maps() -> None:
    a, b = pair(4, 5, 5, other=(7, 5, 5))
    ours, theirs = drawn((4, 5, 5), (7, 5, 5))
    q, p = (x.pow(2).sum(1).view(8, -1) for x in (ours, theirs))
    expected = ((q / q.norm(dim=1, keepdim=True) - p / p.norm(dim=1, keepdim=True)).norm(dim=1) ** 2).mean() / 2
    torch.testing.assert_close(Attention([(a, b)])({a: ours}, {b: theirs}), expected)


def test_hints_project_to_the_width_of_the_teacher() -> None:
    a, b = pair(4, 5, 5, other=(7, 5, 5))
    ours, theirs = drawn((4, 5, 5), (7, 5, 5))
    loss = Hints([(a, b)], 0, CPU)
    (w,) = loss.parameters
    assert w.shape == (7, 4)
    expected = F.mse_loss(F.conv2d(ours, w[:, :, None, None]), theirs) / theirs.square().mean()
    torch.testing.assert_close(loss({a: ours}, {b: theirs}), expected)
    same = Hints([pair(4, 5, 5)], 0, CPU)
    (c, d) = same.pairs[0]
    assert same({c: ours}, {d: ours}).item() == 0


def test_blocks_keep_gradients_inside(net: Net, train_data: dict[str, Array]) -> None:
    from lissom.passes.train.network import Network, trainable

    graph, teacher = net(seed=1), net()
    pairs = inner_pairs(graph, teacher, None)
    last = pairs[-1][0]
    loss = Reconstruction([pairs[0], *output_pairs(graph, teacher)], blocks=True)
    student, taught = Network(graph, CPU, trainable(graph)), Network(teacher, CPU)
    feed = {"x": torch.from_numpy(train_data["x"][:16])}
    ours = student.run(feed, {a for a, _ in loss.pairs} | {last}, cut=loss.cut)
    theirs = taught.run(feed, {b for _, b in loss.pairs})
    torch.autograd.backward(loss.compare(1, ours[graph.outputs[0]], theirs[teacher.outputs[0]]))
    moved = {c.name for c, p in student.parameters.items() if p.grad is not None and p.grad.abs().sum() > 0}
    assert moved == {"conv2.weight", "conv2.bias", "fc.weight", "fc.bias"}


def test_inner_values_are_matched_by_name_and_type(net: Net) -> None:
    graph = net()
    pairs = inner_pairs(ls.run("fold", graph), graph, None)
    assert {a.op_type for a, _ in pairs} >= {"Relu"}
    assert all(a.name == b.name and a.op_type == b.op_type for a, b in pairs)
    assert not {"Conv", "Gemm", "BatchNormalization"} & {a.op_type for a, _ in pairs}
    maps = [a for a, _ in stage_ends(pairs) if a.type.rank == 4]
    assert [a.type.dims[2:] for a in maps] == [(8, 8), (4, 4)]
    with pytest.raises(Error, match=r"the student has no op 'relu_9'; did you mean 'relu"):
        inner_pairs(graph, graph, ("relu_9",))


def test_only_features_of_one_resolution_are_compared_by_default() -> None:
    narrower, smaller = pair(4, 5, 5, other=(7, 5, 5)), pair(4, 5, 5, other=(4, 5, 6))
    turned = Identity(Graph("g").input("x", tensor("float32", 9, N, 3, 3)))  # no number of channels
    assert stage_ends([narrower]) == [narrower]
    assert stage_ends([smaller, (turned, turned)]) == []


@pytest.mark.parametrize("loss", ["logits", "outputs", "hints", "attention", "blocks", {"logits": 1.0, "attention": 9}])
def test_every_loss_falls(net: Net, train_data: dict[str, Array], loss: object) -> None:
    teacher = net()
    finetune(teacher, data=[train_data], epochs=4, batch=32, lr=5e-3)
    student = teacher.clone()
    rng = np.random.default_rng(0)
    for name in ("conv2.weight", "fc.weight"):
        c = const(student, name)
        student.replace(c, c.replace(c.data + 0.05 * rng.standard_normal(c.data.shape).astype(np.float32)))
    with collecting() as tables:
        distill(student, data=[train_data["x"]], epochs=6, batch=32, lr=2e-3, loss=loss, teacher=teacher)
    rows = tables["training"]
    assert len(rows) == 6
    assert rows[-1]["loss"] < 0.6 * rows[0]["loss"]
    assert rows[-1]["agreement"] > 0.9


def test_another_network_teaches(net: Net, train_data: dict[str, Array], tmp_path: object) -> None:
    teacher, student = net(16), net(4)
    ls.save(teacher, f"{tmp_path}/big.onnx")
    before = weights(student)
    distill(
        student,
        data=[train_data],
        loss={"logits": 1, "hints": 1},
        teacher=student.clone(),
        teacher_model=f"{tmp_path}/big.onnx",
        batch=64,
    )
    assert {c.name for c in student.consts} == set(before)
    assert not np.array_equal(const(student, "fc.weight").data, before["fc.weight"])
    with pytest.raises(Error, match="loss=hints projects"):
        distill(student, data=[train_data], loss="blocks", teacher=teacher)


def test_labels_are_checked() -> None:
    scores = torch.zeros(4, 3)
    with pytest.raises(DataError, match="labels y are 0 to 3, and the network has 3 classes"):
        losses.cross_entropy(scores, torch.tensor([0, 1, 2, 3]), -1)
    with pytest.raises(DataError, match=r"labels y of shape \[5\] do not fit outputs of shape \[4, 3\]"):
        losses.cross_entropy(scores, torch.tensor([0, 1, 2, 2, 2]), -1)
    with pytest.raises(DataError, match=r"labels y of shape \[4\] for outputs of shape \[4, 3\]"):
        losses.squared_error(scores, torch.zeros(4))
    per_place = losses.cross_entropy(torch.zeros(2, 3, 5, 5), torch.zeros(2, 5, 5, dtype=torch.int64), 1)
    assert float(per_place) == pytest.approx(np.log(3))
