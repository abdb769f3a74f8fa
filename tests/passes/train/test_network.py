"""What training changes in a graph, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import lissom as ls
from lissom.ir.dims import symbol
from lissom.ir.graph import Graph
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.types import Array, DType, tensor
from lissom.ir.values import Const
from lissom.ir.verify import verify
from lissom.passes.data import Data
from lissom.passes.train import distill, finetune
from lissom.passes.train.batches import Batches
from lissom.passes.train.network import Network, trainable
from tests.passes.train.conftest import Net, Small, const, weights

CPU = torch.device("cpu")
PARAMETERS = {"conv1.weight", "bn.weight", "bn.bias", "conv2.weight", "conv2.bias", "fc.weight", "fc.bias"}


def linear(w: Array, scale: object, zero_point: object, dtype: DType, low: int, high: int) -> Graph:
    """y = x @ FakeQuant(w)."""
    graph = Graph("linear")
    x = graph.input("x", tensor("float32", symbol("N"), w.shape[0]))
    grid = Const(np.float32(scale), "s"), Const(np.asarray(zero_point, dtype.numpy), "z")
    graph.set_outputs({"y": MatMul(x, FakeQuant(Const(w, "w", trainable=True), *grid, low, high).named("q"))})
    return graph


@pytest.mark.parametrize("onnx", [False, True])
def test_what_is_trainable_moves_and_nothing_else(net: Net, train_data: dict[str, Array], onnx: bool) -> None:
    graph = net(onnx=onnx)
    before, kinds = weights(graph), {c.name: (c.trainable, c.type, c.loc) for c in graph.consts}
    assert {c.name for c in trainable(graph)} == PARAMETERS
    finetune(graph, data=[train_data], epochs=1, batch=32)
    verify(graph)
    after = weights(graph)
    assert {n for n in before if not np.array_equal(before[n], after[n])} == PARAMETERS
    assert {c.name: (c.trainable, c.type, c.loc) for c in graph.consts} == kinds


def test_the_same_as_plain_pytorch(net: Net, train_data: dict[str, Array]) -> None:
    graph = net()
    torch.manual_seed(0)
    module = Small().eval()
    module.load_state_dict({k: torch.from_numpy(const(graph, k).data.copy()) for k in PARAMETERS}, strict=False)
    for name in ("running_mean", "running_var"):
        getattr(module.bn, name).copy_(torch.from_numpy(const(graph, f"bn.{name}").data.copy()))
    batches = Batches(Data([train_data], graph), 32, CPU, 5)
    optimizer = torch.optim.SGD(module.parameters(), 0.05, 0.9, nesterov=True)
    for epoch in range(2):
        for (samples,) in batches.epoch(epoch):
            optimizer.zero_grad()
            F.cross_entropy(module(samples.feed["x"]), samples.labels).backward()
            optimizer.step()
    finetune(
        graph, data=[train_data], epochs=2, batch=32, optimizer="sgd", lr=0.05, schedule="constant", decay=0.0, seed=5
    )
    for name, p in module.named_parameters():
        np.testing.assert_allclose(const(graph, name).data, p.detach().numpy(), rtol=1e-4, atol=1e-6)


def test_batch_statistics_as_in_pytorch(net: Net, train_data: dict[str, Array]) -> None:
    graph = net()
    module = ls.to_torch(graph).train()
    student = Network(graph, CPU, trainable(graph), batch_statistics=True)
    x = torch.from_numpy(train_data["x"][:64])
    ours = student.run({"x": x}, graph.outputs, training=True)[graph.outputs[0]]
    for m in module.modules():
        if isinstance(m, torch.nn.Dropout):
            m.eval()
    torch.testing.assert_close(ours, module(x), rtol=1e-4, atol=1e-5)
    mean = student.states[const(graph, "bn.running_mean")]
    torch.testing.assert_close(mean, module.state_dict()["bn.running_mean"], rtol=1e-4, atol=1e-6)
    finetune(graph, data=[train_data], batch=32, batch_norm="batch")
    assert not np.array_equal(const(graph, "bn.running_var").data, weights(net())["bn.running_var"])


def test_dropout_drops_when_asked(net: Net, train_data: dict[str, Array]) -> None:
    graph = net()
    network = Network(graph, CPU)
    feed = {"x": torch.from_numpy(train_data["x"][:4])}
    (y,) = graph.outputs
    quiet = network.run(feed, [y])[y]
    torch.manual_seed(0)
    assert not torch.equal(network.run(feed, [y], dropout=True)[y], quiet)
    assert torch.equal(network.run(feed, [y], training=True)[y], quiet)


def test_written_back_to_the_bit(net: Net, train_data: dict[str, Array]) -> None:
    graph = net()
    network = Network(graph, CPU, trainable(graph))
    with torch.no_grad():
        for p in network.parameters.values():
            p.add_(torch.rand_like(p))
    wanted = {c.name: p.detach().numpy().copy() for c, p in network.parameters.items()}
    (y,) = graph.outputs
    expected = network.run({"x": torch.from_numpy(train_data["x"])}, [y])[y]
    network.write_back()
    verify(graph)
    for name, array in wanted.items():
        assert np.array_equal(const(graph, name).data, array)
    # the network's convolutions read their weights channels last, so they may add up in another order
    np.testing.assert_allclose(ls.evaluate(graph, train_data["x"])[0], expected.detach().numpy(), rtol=1e-5)


def test_channel_masks_stay_and_shrink_still_agrees(net: Net, train_data: dict[str, Array]) -> None:
    images = [{"x": train_data["x"], "y": train_data["y"]}]
    graph = ls.run("fold, mask(0.5)", net(), data=images)
    masks = {op.name: op.keep.data for op in graph.ops if isinstance(op, Mask) and isinstance(op.keep, Const)}
    assert masks
    learned, report = ls.run("fold, mask(0.5), distill(epochs=1), shrink", net(), data=images, report=True)
    assert report.rows[-1].check.startswith("equal")
    assert not any(isinstance(op, Mask) for op in learned.ops)
    distill(graph, data=images, teacher=net())
    assert all(np.array_equal(masks[op.name], op.keep.data) for op in graph.ops if isinstance(op, Mask))


def test_gradients_stop_outside_the_range_of_fake_quant() -> None:
    w = np.array([[0.2, 0.51], [-0.9, 5.0], [-5.0, 0.3]], np.float32)
    graph = linear(w, 0.1, 0, DType.int8, -10, 10)
    x = np.random.default_rng(0).standard_normal((64, 3)).astype(np.float32)
    finetune(graph, data=[{"x": x, "y": (x @ w * 0.5).astype(np.float32)}], optimizer="sgd", decay=0.0, lr=0.02)
    now = const(graph, "w").data
    outside = np.abs(w) > 1.05
    assert np.array_equal(now[outside], w[outside])
    assert (now[~outside] != w[~outside]).all()
    assert const(graph, "s").data == np.float32(0.1)
    (y,) = ls.evaluate(graph, np.eye(3, dtype=np.float32))
    np.testing.assert_allclose(y / 0.1, np.round(y / 0.1), atol=1e-5)
    assert np.abs(y).max() <= 1.0 + 1e-6


def test_a_scale_that_is_trained_stays_positive() -> None:
    graph = linear(np.full((3, 2), 0.1, np.float32), 0.05, 0, DType.int8, -128, 127)
    scale = const(graph, "s")
    graph.replace(scale, Const(scale.data, "s", trainable=True))
    x = np.ones((32, 3), np.float32)
    finetune(graph, data=[{"x": x, "y": np.full((32, 2), -50, np.float32)}], lr=1.0, optimizer="sgd", epochs=5, batch=8)
    assert const(graph, "s").data > 0


def test_weights_with_chosen_integers_do_not_move() -> None:
    graph = linear(np.ones((2, 2), np.float32), 0.5, 0, DType.int8, -8, 7)
    (fake,) = (op for op in graph.ops if isinstance(op, FakeQuant))
    graph.replace(fake, fake.replace(chosen=Const(np.full((2, 2), 3, np.int8), "chosen")))
    assert trainable(graph) == []


def test_half_precision_learns_in_single() -> None:
    graph = Graph("half")
    x = graph.input("x", tensor("float16", symbol("N"), 4))
    graph.set_outputs({"y": MatMul(x, Const(np.ones((4, 2), np.float16), "w", trainable=True))})
    data = np.random.default_rng(0).standard_normal((64, 4))
    batch = {"x": data.astype(np.float16), "y": np.zeros(64, np.int64)}
    (w,) = trainable(graph)
    assert Network(graph, CPU, [w]).parameters[w].dtype is torch.float32
    finetune(graph, data=[batch], epochs=2)
    assert const(graph, "w").data.dtype == np.float16
    assert (const(graph, "w").data != 1).all()
