"""A run that is killed and started again ends with the weights of one that was not."""

from __future__ import annotations

import json
import multiprocessing
import random
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lissom as ls
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.types import Array
from lissom.passes.train import distill, finetune
from lissom.passes.train.loop import _Run
from tests.passes.train.conftest import Net, images, weights
from tests.passes.train.killable import STEPS, train


class Killed(Exception):
    """Stands for whatever ends a run."""


RECIPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "sgd": {"optimizer": "sgd", "schedule": "linear"},
    "everything": {
        "dropout": True,
        "batch_norm": "batch",
        "sparsity": 0.5,
        "patience": 2,
        "penalty": {"l1": 1e-5, "drop_neuron": 1e-4},
        "loss": {"logits": 1.0, "hints": 1.0},
    },
    "stream": {"shuffle": False},
}


def same(a: Graph, b: Graph) -> bool:
    x, y = weights(a), weights(b)
    return x.keys() == y.keys() and all(np.array_equal(x[n], y[n]) for n in x)


def learn(graph: Graph, data: dict[str, Array], **options: Any) -> Graph:
    learned = graph.clone()
    distill(learned, data=[data], epochs=3, batch=32, lr=5e-3, teacher=graph, seed=3, **options)
    return learned


@pytest.mark.parametrize("recipe", RECIPES)
def test_killed_in_steps_and_between_epochs(
    net: Net, train_data: dict[str, Array], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str
) -> None:
    options = RECIPES[recipe]
    graph = net()
    expected = learn(graph, train_data, **options)
    steps, real = 0, _Run._train_step

    def fails(run: Any, batches: Any) -> None:
        nonlocal steps
        steps += 1
        if steps in (3, 9, 14):
            raise Killed
        real(run, batches)

    monkeypatch.setattr(_Run, "_train_step", fails)
    for _ in range(3):
        with pytest.raises(Killed):
            learn(graph, train_data, checkpoint=str(tmp_path), every=0, **options)
    assert same(learn(graph, train_data, checkpoint=str(tmp_path), every=0, **options), expected)
    assert steps < 3 * 8 + 4 if recipe != "everything" else True
    before = steps
    assert same(learn(graph, train_data, checkpoint=str(tmp_path), **options), expected)
    assert steps == before, "a run that is done is not done again"
    assert len(list(tmp_path.iterdir())) == 2
    assert "history" in json.loads(next(tmp_path.glob("*.json")).read_text())


def test_other_runs_have_other_checkpoints(net: Net, train_data: dict[str, Array], tmp_path: Path) -> None:
    graph = net()
    for options in ({}, {"temperature": 2.0}, {"decay": 0.1}):
        learned = learn(graph, train_data, checkpoint=str(tmp_path), **options)
        assert same(learned, learn(graph, train_data, **options))
    assert len(list(tmp_path.glob("*.json"))) == 3
    other = {**train_data, "x": train_data["x"] + np.float32(0.1)}
    assert same(learn(graph, other, checkpoint=str(tmp_path)), learn(graph, other))


def test_damaged_checkpoints_are_named(net: Net, train_data: dict[str, Array], tmp_path: Path) -> None:
    graph = net()
    learn(graph, train_data, checkpoint=str(tmp_path))
    (tensors,) = tmp_path.glob("*.safetensors")
    content = tensors.read_bytes()
    tensors.write_bytes(content[:100])
    with pytest.raises(Error, match=r"checkpoint .*json cannot be read"):
        learn(graph, train_data, checkpoint=str(tmp_path))
    tensors.unlink()
    with pytest.raises(Error, match=r"names a file that is gone"):
        learn(graph, train_data, checkpoint=str(tmp_path))


def test_a_seed_gives_one_result_and_the_generators_are_left_alone(net: Net, train_data: dict[str, Array]) -> None:
    graph = net()
    torch.manual_seed(1)
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # type: ignore[index, union-attr]
    first = learn(graph, train_data, dropout=True)
    assert torch.equal(states[0], torch.get_rng_state())
    assert np.array_equal(states[1], np.random.get_state()[1])  # type: ignore[index]
    assert states[2] == random.getstate()
    torch.manual_seed(2)
    assert same(first, learn(graph, train_data, dropout=True))
    other = graph.clone()
    finetune(other, data=[train_data], epochs=3, batch=32, lr=5e-3, seed=4)
    assert not same(first, other)


def test_killed_at_ten_random_moments(net: Net, tmp_path: Path) -> None:
    """Real processes and SIGKILL, which may also come while a checkpoint is written or read, or before there is one."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.passes.train.killable"])
    ls.save(net(), tmp_path / "net.onnx")
    np.savez(tmp_path / "data.npz", **images(256, 7))
    folder = tmp_path / "checkpoints"

    def start(out: str, *checkpoint: str) -> Any:
        files = (str(tmp_path / name) for name in ("net.onnx", "data.npz", out))
        process = context.Process(target=train, args=(*files, *(checkpoint or (None,))))
        process.start()
        return process

    def position() -> int:
        found = list(folder.glob("*.json"))
        return int(json.loads(found[0].read_text())["step"]) if found else 0

    whole = start("whole.onnx")
    rng, reached = random.Random(0), [0]
    for _ in range(10):
        goal = reached[-1] + rng.randrange((STEPS - reached[-1]) // 12)  # of what is left: it may run on for a while
        process = start("killed.onnx", str(folder))
        while process.is_alive() and position() < goal:
            time.sleep(0.002)
        process.join(rng.random() * 0.02)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        reached.append(position())
        assert goal <= reached[-1] < STEPS
    whole.join()
    last = start("killed.onnx", str(folder))
    last.join()
    assert last.exitcode == 0
    assert position() == STEPS
    assert (tmp_path / "killed.onnx").read_bytes() == (tmp_path / "whole.onnx").read_bytes()
