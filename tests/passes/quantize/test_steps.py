"""Recurrent networks: one grid for each place in a step, so that weights, biases and tables are stored once."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import lissom as ls
from lissom.backends.onnx import to_proto
from lissom.ir.values import Const, producer
from lissom.passes.quantize.steps import repeated_layers, same_places

STEPS = 6


class Net(torch.nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.layer = getattr(torch.nn, kind)(8, 16, batch_first=True)
        self.head = torch.nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(x)[0][:, -1])


def built(kind: str) -> tuple[ls.Graph, list[dict[str, np.ndarray]]]:
    torch.manual_seed(0)
    graph = ls.from_torch(Net(kind).eval(), (torch.zeros(1, STEPS, 8),))
    rng = np.random.default_rng(0)
    return graph, [{"x": rng.standard_normal((1, STEPS, 8)).astype(np.float32)} for _ in range(32)]


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_what_steps_share_is_stored_once(kind: str, tmp_path: Path) -> None:
    graph, data = built(kind)
    integers = ls.run("fold, quantize(int8)", graph, data=data)
    products = [op for op in integers.ops if op.op_type == "QLinearGemm"]
    assert len(products) >= STEPS
    constants = {tuple(v for v in op.operands if isinstance(v, Const)) for op in products}
    assert len(constants) == 3, "the inputs' product, the states' and the head"
    parameters = sum(c.data.size for c in graph.consts if c.trainable)
    assert sum(c.data.nbytes for c in integers.consts) < 2 * parameters + 256 * 8
    assert to_proto(integers).ByteSize() < 4 * parameters + 256 * 8 + 1000 * len(integers.ops)
    expected = [ls.evaluate(integers, d["x"])[0] for d in data]
    exact = [ls.evaluate(graph, d["x"])[0] for d in data]
    assert np.corrcoef(np.ravel(expected), np.ravel(exact))[0, 1] > 0.99
    session = onnxruntime.InferenceSession(to_proto(integers).SerializeToString())
    written = [session.run(None, d)[0] for d in data]
    np.testing.assert_allclose(written, expected, atol=0.02)
    ls.emit(integers, tmp_path / "c", name="net")
    stored = re.findall(r"bytes\[(\d+)\]\[(\d+)\]", (tmp_path / "c" / "net_weights.h").read_text())
    assert sum(int(a) * int(b) for a, b in stored) < 2 * parameters + 256 * 8
    if kind == "GRU":  # the others differ in nothing that C could do wrong
        artifact = ls.Artifact(tmp_path / "c")
        assert all((artifact.run(d["x"])[0] == e).all() for d, e in zip(data, expected, strict=True))


def test_masked_weights_are_one_too() -> None:
    graph, data = built("LSTM")
    integers = ls.run("fold, sparsify(0.75), quantize(int8)", graph, data=data)
    constants = {tuple(v for v in op.operands if isinstance(v, Const)) for op in integers.ops if "Gemm" in op.op_type}
    assert len(constants) == 3


def test_places_are_those_of_the_same_step() -> None:
    graph, _ = built("LSTM")
    graph = ls.run("fold", graph)
    (calls,) = repeated_layers(graph)
    assert len(calls) == STEPS - 1, "the state before the first step is zero, and its product is folded"
    first = {"Add", "Mul", "Flatten", "Split"}  # at the first step sums are their first part
    for a, b in same_places(graph):
        assert a.type == b.type
        kinds = {op.op_type for v in (a, b) if (op := producer(v)) is not None}
        assert len(kinds) == 1 or kinds <= first
