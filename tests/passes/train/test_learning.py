"""Training as a user meets it: it learns, by both doors, in pipelines; and says what is wrong."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import lissom as ls
from lissom.ir.dims import symbol
from lissom.ir.errors import DataError, Error, ParseError
from lissom.ir.graph import Graph
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.softmax import Softmax
from lissom.ir.types import Array, tensor
from lissom.passes.data import Data
from lissom.passes.notes import collecting
from lissom.passes.progress import bar, watched
from lissom.passes.train import distill, finetune
from lissom.passes.train.batches import Batches
from tests.passes.train.conftest import Net, const, error, images, weights

CPU = torch.device("cpu")


def mean_of_squares(outputs: list[Any], teacher: list[Any] | None, labels: Any) -> Any:
    """A loss of the user's, which tests name as module:function."""
    return F.mse_loss(outputs[0], teacher[0]) if teacher else F.cross_entropy(outputs[0], labels)


def no_loss(outputs: list[Any], teacher: Any, labels: Any) -> float:
    return 1.0


def stream() -> Any:
    """A loader of the user's: new random images, from generators a run sets."""
    for _ in range(4):
        yield images(64, int(np.random.randint(1 << 30)))


HERE = "tests.passes.train.test_learning"


@pytest.mark.parametrize("onnx", [False, True])
def test_learns_from_labels_and_recovers_from_pruning(
    net: Net, train_data: dict[str, Array], test_data: dict[str, Array], onnx: bool
) -> None:
    graph = net(onnx=onnx)
    assert error(graph, test_data) > 0.5
    trained = ls.run("finetune(epochs=8, batch=32, lr=0.005)", graph, data=[train_data])
    good = error(trained, test_data)
    assert good < 0.2
    pruned = ls.run("prune(channels, 0.5, recover=false)", trained, data=[train_data])
    recovered = ls.run(
        "fold, mask(0.5, recover=false), distill(epochs=6, batch=32, lr=0.003), shrink", trained, data=[train_data["x"]]
    )
    assert error(recovered, test_data) < min(good + 0.05, error(pruned, test_data))
    assert recovered.cost().params == pruned.cost().params
    module = ls.to_torch(recovered)
    assert all(p.requires_grad for p in module.parameters())


def test_self_distillation_through_fake_quant(net: Net, train_data: dict[str, Array]) -> None:
    teacher = ls.run("fold, finetune(epochs=6, batch=32, lr=0.005)", net(), data=[train_data])
    coarse = ls.run("fake_quantize(weights=int2)", teacher, data=[train_data])
    fixed = [c.data for c in coarse.consts if not c.trainable]
    learned = coarse.clone()
    distill(learned, data=[train_data["x"]], epochs=6, batch=32, lr=2e-3, teacher=teacher)
    now = [c.data for c in learned.consts if not c.trainable]
    assert all(np.array_equal(a, b) for a, b in zip(fixed, now, strict=True))
    assert sum(isinstance(op, FakeQuant) for op in learned.ops) == sum(isinstance(op, FakeQuant) for op in coarse.ops)
    wanted, before, after = (ls.evaluate(g, train_data["x"])[0] for g in (teacher, coarse, learned))
    centred = [a - a.mean(1, keepdims=True) for a in (wanted, before, after)]
    assert np.square(centred[2] - centred[0]).mean() < 0.7 * np.square(centred[1] - centred[0]).mean()


def test_pruned_quantized_and_taught_at_once(net: Net, train_data: dict[str, Array]) -> None:
    teacher = ls.run("fold, finetune(epochs=4, batch=32, lr=0.005)", net(), data=[train_data])
    joint = "mask(0.5), fake_quantize(weights=int4), distill(epochs=2, batch=32), shrink, integerize"
    graph, report = ls.run(joint, teacher, data=[train_data], report=True)
    assert [r.check[:5] for r in report.rows[-2:]] != ["off", "off"]
    assert not any(isinstance(op, Mask | FakeQuant) for op in graph.ops)


def test_a_loss_and_a_loader_of_the_users(net: Net, train_data: dict[str, Array]) -> None:
    graph = net()
    student = graph.clone()
    distill(student, data=[train_data], loss=f"{HERE}:mean_of_squares", teacher=net(seed=3))
    assert not np.array_equal(const(student, "fc.weight").data, const(graph, "fc.weight").data)
    runs = []
    for _ in range(2):
        learned = graph.clone()
        finetune(learned, data=f"{HERE}:stream", batch=32, epochs=2, shuffle=False)
        runs.append(weights(learned))
    assert all(np.array_equal(a, runs[1][n]) for n, a in runs[0].items())


def test_without_labels_the_teacher_alone(net: Net, train_data: dict[str, Array]) -> None:
    teacher, graph = net(seed=1), net()
    alone, hard = graph.clone(), graph.clone()
    distill(alone, data=[train_data["x"]], teacher=teacher)
    with collecting() as tables:
        distill(hard, data=[train_data], teacher=teacher, hard=0.0)
    assert all(np.array_equal(a, weights(hard)[n]) for n, a in weights(alone).items())
    assert set(tables["training"][0]) == {"epoch", "loss", "accuracy"}
    with pytest.raises(DataError, match="the data needs an array y"):
        finetune(graph, data=[train_data["x"]])
    with pytest.raises(DataError, match="the data needs an array y"):
        distill(graph, data=[train_data["x"]], teacher=teacher, hard=0.5)


def test_answers_of_a_teacher_may_come_with_the_data(net: Net, train_data: dict[str, Array], tmp_path: Path) -> None:
    teacher, graph, x = net(seed=1), net(), train_data["x"]
    (said,) = ls.evaluate(teacher, x)
    asked, told, other = graph.clone(), graph.clone(), graph.clone()
    how: dict[str, Any] = {"batch": 32, "optimizer": "sgd", "lr": 1e-2}
    distill(asked, data=[x], teacher=teacher, **how)
    np.savez(tmp_path / "told.npz", x=x, teacher=said)
    distill(told, data=str(tmp_path / "told.npz"), teacher=graph, **how)  # which is not asked
    for name, w in weights(asked).items():
        np.testing.assert_allclose(weights(told)[name], w, rtol=1e-4, atol=1e-5)
    distill(other, data=[{"x": x, "teacher": -10 * said}], teacher=graph, checkpoint=str(tmp_path / "c"), **how)
    assert any(abs(weights(other)[n] - w).max() > 1e-3 for n, w in weights(told).items())
    distill(told, data=[{"x": x, "teacher": said}], teacher=graph, checkpoint=str(tmp_path / "c"), **how)
    assert len(list((tmp_path / "c").glob("*.json"))) == 2, "what is said is part of what a checkpoint is of"
    with pytest.raises(DataError, match=r"255 answers of the teacher \(teacher\) for 256 samples"):
        distill(told, data=[{"x": x, "teacher": said[:-1]}], teacher=graph)


def test_a_softmax_at_the_end_learns_from_its_logits(net: Net, train_data: dict[str, Array]) -> None:
    plain, soft = net(), net()
    soft.set_outputs({"p": Softmax(soft.outputs[0], -1)})
    for graph in (plain, soft):
        finetune(graph, data=[train_data])
    assert all(np.array_equal(a, weights(soft)[n]) for n, a in weights(plain).items())


def test_stops_early_and_takes_the_best(net: Net) -> None:
    data = images(64, 5, noise=3.0)
    data["y"] = np.random.default_rng(0).integers(0, 4, 64)  # nothing to learn but the noise
    graph = net()
    with collecting() as tables:
        finetune(graph, data=[data], epochs=60, batch=16, lr=1e-2, holdout=0.25, patience=3, schedule="constant")
    rows = tables["training"]
    losses = [r["held-out loss"] for r in rows]
    assert len(rows) < 60
    assert len(rows) - 1 - losses.index(min(losses)) == 3
    shorter = net()
    epochs = losses.index(min(losses)) + 1
    finetune(shorter, data=[data], epochs=epochs, batch=16, lr=1e-2, holdout=0.25, schedule="constant")
    assert all(np.array_equal(a, weights(shorter)[n]) for n, a in weights(graph).items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("loss=logit", "did you mean 'logits'?"),
        ("loss=42", "option 'loss' is logits | outputs"),
        ("penalty={l4: 1}", "option 'penalty' is {name: float} | none"),
        ("optimizer=adam", "did you mean 'adamw'?"),
        ("temperature=0.0", "temperature is above 0"),
        ("hard=1.5", "hard is between 0 and 1"),
    ],
)
def test_words_are_checked_before_any_work(options: str, message: str) -> None:
    with pytest.raises(ParseError) as e:
        ls.run(f"distill({options})", Graph("none"))
    assert message in str(e.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs is at least 1, got 0"),
        ({"lr": 0.0}, "lr is above 0"),
        ({"temperature": 0.0}, "temperature is above 0"),
        ({"hard": 2.0}, "hard is between 0 and 1"),
        ({"sparsity": 1.0}, "sparsity is between 0 and 1"),
        ({"shuffle": False, "patience": 1}, "nothing can be held out"),
        ({"holdout": 0.999}, "holding out 0.999 of 256 samples leaves one side empty"),
        ({"loss": "json:nothing"}, "json:nothing: module 'json' has no attribute 'nothing'"),
        ({"loss": f"{HERE}:no_loss"}, "must give a scalar tensor"),
        ({"loss": "hints", "layers": ("conv9",)}, "the student has no op 'conv9'; did you mean"),
        ({"lr": 1e30, "optimizer": "sgd"}, "the loss is (nan|inf) at step 2 of 2"),
    ],
)
def test_mistakes_are_named(net: Net, train_data: dict[str, Array], options: dict[str, Any], message: str) -> None:
    graph = net()
    with pytest.raises(Error, match=message):
        distill(graph, data=[train_data], teacher=net(seed=1), **options)
    assert all(np.array_equal(a, weights(net())[n]) for n, a in weights(graph).items())


def test_what_cannot_be_trained(train_data: dict[str, Array], net: Net) -> None:
    graph = Graph("fixed")
    graph.set_outputs({"y": Relu(graph.input("x", tensor("float32", symbol("N"), 1, 8, 8)))})
    with pytest.raises(Error, match="graph 'fixed' has nothing to train"):
        finetune(graph, data=[train_data])
    with pytest.raises(Error, match="needs teacher, and the run has none"):
        distill(net(), data=[train_data])
    if not torch.cuda.is_available():
        with pytest.raises(Error, match="PyTorch finds no CUDA device"):
            finetune(net(), data=[train_data], device="cuda")


def test_a_fixed_batch_is_gathered_into_steps(net: Net, train_data: dict[str, Array]) -> None:
    free, fixed = net(), net()
    fixed.retype_input(fixed.inputs[0], tensor("float32", 16, 1, 8, 8))
    for graph in (free, fixed):
        finetune(graph, data=[train_data], batch=64, optimizer="sgd", decay=0.0)
    for name, a in weights(free).items():
        np.testing.assert_allclose(a, weights(fixed)[name], rtol=1e-3, atol=1e-6)


def test_every_sample_is_drawn_once_an_epoch(net: Net) -> None:
    data = images(100, 0)
    data["y"] = np.arange(100)
    batches = Batches(Data([data], net()), 32, CPU, 0, holdout=0.1)
    epochs = [[int(i) for step in batches.epoch(e) for s in step for i in s.labels] for e in range(2)]  # type: ignore[union-attr]
    held = [int(i) for s in batches.held_out() for i in s.labels]  # type: ignore[union-attr]
    for drawn in epochs:
        assert len(drawn) == 96
        assert sorted(set(drawn[:90])) == sorted(set(range(100)) - set(held))
    assert epochs[0] != epochs[1]
    assert epochs[0][64:] == [int(i) for step in batches.epoch(0, 2) for s in step for i in s.labels]  # type: ignore[union-attr]


def test_progress_is_shown_where_somebody_watches(
    net: Net, train_data: dict[str, Array], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    finetune(net(), data=[train_data])
    assert capsys.readouterr().err == ""
    finetune(net(), data=[train_data], progress=True)
    assert "accuracy" in capsys.readouterr().err
    said: list[str] = []
    with watched(said.append):
        finetune(net(), data=[train_data], batch=64)
    assert len(said) == 4
    assert said[-1].startswith("training 100% epoch 1/1  loss ")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with bar("x", 2) as advance:
        advance(1, "quiet")
    assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]


def test_the_command_line_trains(net: Net, tmp_path: Path, train_data: dict[str, Array]) -> None:
    from click.testing import CliRunner

    from lissom.cli.app import cli

    ls.save(net(), tmp_path / "net.onnx")
    np.savez(tmp_path / "data.npz", **train_data)
    arguments = [
        "opt",
        str(tmp_path / "net.onnx"),
        "-o",
        str(tmp_path / "out.onnx"),
        "--data",
        str(tmp_path / "data.npz"),
    ]
    result = CliRunner().invoke(cli, [*arguments, "--passes", "fold, distill(epochs=2, hard=0.9)"])
    assert result.exit_code == 0, result.output
    assert "distill(2, hard=0.9)" in result.output
    assert error(ls.load(tmp_path / "out.onnx"), train_data) < error(net(), train_data)
