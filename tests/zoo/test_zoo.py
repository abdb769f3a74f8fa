"""Half the channels of every network go, by both doors: certified, small enough, and whole behind every back door."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from lissom.backends.onnx import to_proto
from lissom.backends.torch import to_torch
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.types import DType
from lissom.ir.verify import verify
from lissom.passes.compare import relative_error
from lissom.passes.report import Report
from lissom.passes.runner import run
from zoo import ZOO
from zoo.doors import by_onnx, by_torch

torch.set_num_threads(1)

DOORS = {"torch": by_torch, "onnx": by_onnx}
CASES = [(name, door) for name in ZOO for door in DOORS if door == "torch" or ZOO[name].onnx]


@dataclass
class Pruned:
    args: tuple[Any, ...]
    graph: Graph
    report: Report

    @property
    def share(self) -> float:
        """Parameters left, of those after fold: constants that fold makes out of shapes count nowhere."""
        return self.report.rows[-1].after.parameters / self.report.rows[0].after.parameters


@cache
def pruned(name: str, door: str) -> Pruned:
    module, args = ZOO[name].built()
    graph, report = run("prune(channels, 0.5)", DOORS[door](module, args), report=True)
    return Pruned(args, graph, report)


def feed(graph: Graph, args: tuple[Any, ...], batch: int) -> list[Any]:
    """The example arguments, or as many samples as asked for, at random."""
    rng = np.random.default_rng(0)
    found = []
    for i, a in zip(graph.inputs, args, strict=True):
        like = a.numpy()
        shape = (batch, *like.shape[1:])
        floats = i.type.dtype is DType.float32
        drawn = rng.standard_normal(shape) if floats else rng.integers(0, int(like.max()) + 1, shape)
        found.append(drawn.astype(like.dtype))
    return found


@pytest.mark.parametrize(("name", "door"), CASES)
def test_half_the_channels_go(name: str, door: str) -> None:
    case = pruned(name, door)
    verify(case.graph)
    rows = {row.name.partition("(")[0]: row for row in case.report.rows}
    shrunk = rows["shrink"]
    assert shrunk.check.startswith("equal"), shrunk.check  # masked == shrunk, measured by the runner
    assert shrunk.error is not None
    assert shrunk.error <= 1e-5
    assert case.share <= ZOO[name].left


@pytest.mark.parametrize(("name", "door"), CASES)
def test_what_did_not_shrink_says_why(name: str, door: str) -> None:
    rows = next(row.tables["channels"] for row in pruned(name, door).report.rows if "channels" in row.tables)
    assert rows
    for row in rows:
        assert row["left"] < row["units"] or row["reason"], row["channels"]


@pytest.mark.parametrize(("name", "door"), CASES)
def test_saved_onnx_runs_at_any_batch(name: str, door: str) -> None:
    case = pruned(name, door)
    session = onnxruntime.InferenceSession(to_proto(case.graph).SerializeToString(), providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        arrays = feed(case.graph, case.args, batch)
        mine = evaluate(case.graph, *arrays)
        theirs = session.run(None, {i.name: a for i, a in zip(session.get_inputs(), arrays, strict=True)})
        for a, b in zip(mine, theirs, strict=True):
            assert relative_error(b, a) <= 1e-4


@pytest.mark.parametrize("name", list(ZOO))
def test_to_torch_trains(name: str) -> None:
    case = pruned(name, "torch")
    module = to_torch(case.graph)
    outputs = module(*(torch.from_numpy(a) for a in feed(case.graph, case.args, 3)))
    outputs = outputs if isinstance(outputs, tuple | list) else (outputs,)
    sum((o * torch.randn_like(o)).sum() for o in outputs if o.is_floating_point()).backward()
    gradients = {n: p.grad for n, p in module.named_parameters()}
    assert gradients
    for parameter, gradient in gradients.items():
        assert gradient is not None, parameter
        assert torch.isfinite(gradient).all(), parameter
    assert any(g.any() for g in gradients.values())


WRITTEN_TWICE = {"siamese"}
"""Networks whose shared weights are two initializers in the file: the exporter folds a batch norm into each."""


@pytest.mark.parametrize("name", [n for n in ZOO if ZOO[n].onnx and n not in WRITTEN_TWICE])
def test_both_doors_leave_the_same_parameters(name: str) -> None:
    """Up to what an exporter writes in another form: a mask of tokens, the parameters of a group norm."""
    a, b = (pruned(name, door).graph.cost().params for door in DOORS)
    assert abs(a - b) <= 0.01 * a
