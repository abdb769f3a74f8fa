"""Quantization-aware training as a user meets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import lissom as ls
from lissom.ir.errors import DataError, Error, ParseError
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.ops.fold_batch_normalization import FoldBatchNormalization
from lissom.ir.ops.mask import Mask
from lissom.ir.types import Array
from lissom.ir.values import Const
from lissom.passes.quantize import learn_steps
from lissom.passes.train import finetune
from tests.passes.train.conftest import Net, const, error, net, test_data, train_data, weights
from tests.passes.train.test_resume import Killed, same

__all__ = ["net", "test_data", "train_data"]
HERE = "tests.passes.quantize.test_qat"
DECIDE = "fold(training=true), fake_quantize(int4, weights=int4, samples=64), learn_steps(zero_points=true)"


def cross_entropy(outputs: list[Any], teacher: list[Any] | None, labels: Any) -> Any:
    """A loss of the user's."""
    return F.cross_entropy(outputs[0], labels)


def loss(graph: Graph, data: dict[str, Array]) -> float:
    """Cross entropy."""
    return float(F.cross_entropy(torch.from_numpy(evaluate(graph, data["x"])[0]), torch.from_numpy(data["y"])))


def learned(graph: Graph, data: dict[str, Array]) -> Graph:
    """The network after it has learned, in float."""
    return ls.run("finetune(epochs=8, batch=32, lr=0.005, batch_norm=batch)", graph, data=[data])


@pytest.mark.parametrize("onnx", [False, True])
def test_few_bits_cost_much_and_training_gets_it_back(
    net: Net, train_data: dict[str, Array], test_data: dict[str, Array], tmp_path: Path, onnx: bool
) -> None:
    graph = learned(net(3, onnx=onnx), train_data)
    lost = ls.run("quantize(uint2, weights=int2)", graph, data=[train_data])
    pipeline = "quantize(uint2, weights=int2, qat=true, epochs=3, batch=32, lr=0.005)"
    got, report = ls.run(pipeline, graph, data=[train_data], report=True)
    assert loss(got, test_data) < 0.7 * loss(lost, test_data)
    assert error(got, test_data) < error(lost, test_data)
    rows = next(r.tables["training"] for r in report.rows if "training" in r.tables)
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert not any(isinstance(op, FakeQuant | FoldBatchNormalization) for op in got.ops)
    assert {op.op_type for op in got.ops if op.type.dtype.is_float} == {"DequantizeLinear"}
    x = test_data["x"][:16]
    expected = evaluate(got, x)[0]
    np.testing.assert_array_equal(ls.to_torch(got)(torch.from_numpy(x)).numpy(), expected)
    ls.emit(got, tmp_path / "out")
    in_c = np.concatenate([ls.Artifact(tmp_path / "out").run(one[None])[0] for one in x])
    np.testing.assert_array_equal(in_c, expected)


def test_the_scheme_of_jacob_moves_ranges_and_statistics_and_freezes_them(
    net: Net, train_data: dict[str, Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = ls.run("fold(training=true), fake_quantize(observer=average)", net(), data=[train_data])
    (folded,) = (op for op in graph.ops if isinstance(op, FoldBatchNormalization))
    before = weights(graph)

    def after(freeze: float, epochs: int = 2) -> dict[str, Array]:
        now = graph.clone()
        finetune(
            now, data=[train_data], epochs=epochs, batch=32, batch_norm="batch", grids="follow", freeze=freeze,
            schedule="constant", lr=0.01, seed=0,
        )  # fmt: skip
        return weights(now)

    moving = [folded.input_mean.name, folded.input_var.name]
    moving += [op.scale.name for op in graph.ops if isinstance(op, FakeQuant)]
    at_once, half, never = after(0.0), after(0.5), after(1.0)
    for name in moving:
        assert np.array_equal(at_once[name], before[name])
        assert not np.array_equal(never[name], before[name])
        assert not np.array_equal(half[name], before[name])
        assert np.array_equal(half[name], after(1.0, 1)[name]), "what one epoch gives is frozen at half of two"
    for op in graph.ops:
        if isinstance(op, FakeQuant) and isinstance(op.x, Const):  # int8: the largest magnitude is the end of the grid
            largest = np.abs(never[op.x.name]).reshape(len(never[op.x.name]), -1).max(1)
            np.testing.assert_allclose(never[op.scale.name] * 127, largest, rtol=0.05)


def test_statistics_in_folded_weights_are_those_batch_normalization_would_have(
    net: Net, train_data: dict[str, Array]
) -> None:
    """With a learning rate of almost nothing both only see the batches go by."""
    options: dict[str, Any] = {"data": [train_data], "epochs": 1, "batch": 32, "lr": 1e-12, "decay": 0.0, "seed": 0}
    plain, folded = net(), ls.run("fold(training=true)", net())
    finetune(plain, **options, batch_norm="batch")
    finetune(folded, **options, batch_norm="batch")
    for name in ("bn.running_mean", "bn.running_var"):
        np.testing.assert_allclose(const(folded, name).data, const(plain, name).data, rtol=1e-5, atol=1e-6)
        assert not np.allclose(const(plain, name).data, const(net(), name).data, rtol=1e-3)


def test_learned_grids_are_parameters_in_torch_and_come_back(net: Net, train_data: dict[str, Array]) -> None:
    graph = ls.run(DECIDE, net(), data=[train_data])
    grids = [op for op in graph.ops if isinstance(op, FakeQuant)]
    scales = [op.scale for op in grids]
    zeros = [op.zero_point for op in grids if isinstance(op.zero_point, Const) and op.zero_point.trainable]
    assert zeros
    module = ls.to_torch(graph).train()
    parameters = dict(module.named_parameters())
    assert len(parameters) == sum(c.trainable for c in graph.consts if "running" not in c.name)
    x, y = torch.from_numpy(train_data["x"]), torch.from_numpy(train_data["y"])
    first = F.cross_entropy(module(x), y)
    optimizer = torch.optim.SGD(module.parameters(), 0.02)
    for _ in range(20):
        optimizer.zero_grad()
        F.cross_entropy(module(x), y).backward()  # type: ignore[no-untyped-call]
        assert all(p.grad is not None and p.grad.isfinite().all() for p in parameters.values())
        optimizer.step()
    with torch.no_grad():
        assert F.cross_entropy(module(x), y) < first
    back = ls.from_torch(module.eval(), (x,))
    assert all(const(back, s.name).data.tolist() != s.data.tolist() for s in scales if isinstance(s, Const))
    assert all(const(back, z.name).type.dtype is z.type.dtype for z in zeros)
    np.testing.assert_array_equal(evaluate(back, train_data["x"])[0], module(x).detach().numpy())


class Twice(torch.nn.Module):
    """The same layer and batch norm at two places."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(1, 4, 3, padding=1)
        self.conv, self.bn = torch.nn.Conv2d(4, 4, 3, padding=1), torch.nn.BatchNorm2d(4)
        self.fc = torch.nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.first(x))
        for _ in range(2):
            x = torch.relu(self.bn(self.conv(x)))
        out: torch.Tensor = self.fc(x.amax((2, 3)))
        return out


def test_layers_and_batch_norms_that_are_used_twice(train_data: dict[str, Array]) -> None:
    torch.manual_seed(0)
    dims = ({0: torch.export.Dim.DYNAMIC},)
    graph = ls.from_torch(Twice().eval(), (torch.zeros(2, 1, 8, 8),), dynamic_shapes=dims)
    for dtype in ("int8", "int4"):
        got, report = ls.run(f"quantize({dtype}, qat=true, batch=32)", graph, data=[train_data], report=True)
        assert report.rows[-1].check.startswith("equal")
        assert not any(isinstance(op, FakeQuant | FoldBatchNormalization) for op in got.ops)


def test_pruning_masks_stay(net: Net, train_data: dict[str, Array]) -> None:
    data = [train_data]
    graph = ls.run("finetune(epochs=1, sparsity=0.6)", net(), data=data)
    masks = {op.name: op.keep.data for op in graph.ops if isinstance(op, Mask) and isinstance(op.keep, Const)}
    assert len(masks) == 3
    decided = ls.run(
        "fold(training=true), fake_quantize(weights=int4), learn_steps, distill(epochs=1)", graph, data=data
    )
    now = {op.name: op.keep.data for op in decided.ops if isinstance(op, Mask) and isinstance(op.keep, Const)}
    assert all(np.array_equal(masks[n], now[n]) for n in masks)
    got = ls.run("quantize(weights=int4, qat=true)", graph, data=data)
    gone = sorted(int((~m).sum()) for m in masks.values())
    held = sorted(
        int((c.data.astype(np.int32) == 0).sum()) for c in got.consts if c.type.rank > 1 and c.type.dtype.bits == 4
    )
    assert all(a >= b for a, b in zip(held, gone, strict=True))


def test_masked_channels_are_dropped_behind_training(net: Net, train_data: dict[str, Array]) -> None:
    masked = ls.run("mask(0.5)", net(), data=[train_data])
    got, report = ls.run("quantize(int8, qat=true)", masked, data=[train_data], report=True)
    assert all(row.check.startswith(("equal", "error")) for row in report.rows)
    assert sorted(c.data.shape[0] for c in got.consts if c.type.rank == 4) == [4, 4]
    assert not any(isinstance(op, Mask) for op in got.ops)


@pytest.mark.parametrize("how", ["learn_steps(zero_points=true)", "measure_noise"])
def test_killed_and_taken_up_again(
    net: Net, train_data: dict[str, Array], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    from lissom.passes.train.loop import _Run

    graph = ls.run(
        f"fold(training=true), fake_quantize(uint4, weights=int4, samples=64), {how}", net(), data=[train_data]
    )

    def train(**more: Any) -> Graph:
        now = graph.clone()
        finetune(
            now, data=[train_data], epochs=3, batch=32, lr=5e-3, batch_norm="batch", grids="follow", freeze=0.6, seed=1,
            **more,
        )  # fmt: skip
        return now

    expected = train()
    steps, real = 0, _Run._train_step

    def fails(run: Any, batches: Any) -> None:
        nonlocal steps
        steps += 1
        if steps in (5, 21):
            raise Killed
        real(run, batches)

    monkeypatch.setattr(_Run, "_train_step", fails)
    for _ in range(2):
        with pytest.raises(Killed):
            train(checkpoint=str(tmp_path), every=0)
    assert same(train(checkpoint=str(tmp_path), every=0), expected)


def test_with_labels_or_teacher_or_a_loss_of_ones_own(net: Net, train_data: dict[str, Array]) -> None:
    images = [train_data["x"]]
    taught, report = ls.run("quantize(int8, qat=true)", net(), data=images, report=True)
    assert any("agreement" in row for r in report.rows for row in r.tables.get("training", []))
    by_labels = ls.run("quantize(int8, qat=true, distill=false)", net(), data=[train_data])
    assert not same(taught, by_labels)
    own = f"fold(training=true), fake_quantize, finetune(loss='{HERE}:cross_entropy'), fold, integerize"
    ls.run(own, net(), data=[train_data])
    with pytest.raises(DataError, match="there are no labels to train on"):
        ls.run("quantize(int8, qat=true, distill=false)", net(), data=images)


def test_refusals(net: Net, train_data: dict[str, Array]) -> None:
    with pytest.raises(Error, match=r"training decides the integers, so rounding=gptq has no place"):
        ls.run("quantize(int8, qat=true, rounding=gptq)", net(), data=[train_data])
    with pytest.raises(Error, match=r"has no grids whose steps could learn: fake_quantize"):
        learn_steps(net())
    with pytest.raises((Error, ParseError), match="freeze is between 0 and 1"):
        ls.run("quantize(int8, qat=true, freeze=1.5)", net(), data=[train_data])
    with pytest.raises(Error, match="needs data"):
        ls.run("quantize(int8, qat=true)", net())


def test_learned_steps_begin_and_weigh_as_the_paper_says(net: Net, train_data: dict[str, Array]) -> None:
    graph = ls.run("fold, fake_quantize(uint4, weights=int4), learn_steps(start=mean)", net(), data=[train_data])
    for op in graph.ops:
        if isinstance(op, FakeQuant) and isinstance(op.x, Const) and isinstance(op.scale, Const):
            w = op.x.data.reshape(len(op.x.data), -1)
            np.testing.assert_allclose(op.scale.data, 2 * np.abs(w).mean(1) / np.sqrt(7), rtol=1e-5)
            assert op.grad_factor == pytest.approx((w.shape[1] * 7) ** -0.5)
        elif isinstance(op, FakeQuant) and op.high == 15:
            n = np.prod([d for d in op.type.dims if isinstance(d, int)])
            assert op.grad_factor == pytest.approx((n * 15) ** -0.5)
