"""A problem small enough to learn in a second: four classes of 8x8 images, each a bar at one side, in noise."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import lissom as ls
from lissom.ir.graph import Graph
from lissom.ir.types import Array
from lissom.ir.values import Const

torch.set_num_threads(1)

Net = Callable[..., Graph]


class Small(nn.Module):
    """Two convolutions, the first with batch normalization, dropout and a linear layer."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 2, 1)
        self.drop = nn.Dropout(0.3)
        self.fc = nn.Linear(16 * width, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn(self.conv1(x)))
        x = self.drop(torch.relu(self.conv2(x)))
        return self.fc(torch.flatten(x, 1))


def images(count: int, seed: int, noise: float = 1.0) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, count)
    x = noise * rng.standard_normal((count, 1, 8, 8))
    for i, label in enumerate(y):
        x[i, 0][(slice(0, 2), slice(6, 8), slice(None), slice(None))[label]] += label < 2
        x[i, 0][:, (slice(0), slice(0), slice(0, 2), slice(6, 8))[label]] += 1
    return {"x": x.astype(np.float32), "y": y}


def error(graph: Graph, data: dict[str, Array]) -> float:
    (logits,) = ls.evaluate(graph, data["x"])
    return float((logits.argmax(1) != data["y"]).mean())


def weights(graph: Graph) -> dict[str, Array]:
    return {c.name: c.data for c in graph.consts}


def const(graph: Graph, name: str) -> Const:
    return next(c for c in graph.consts if c.name == name)


@cache
def exported(width: int, seed: int) -> Graph:
    torch.manual_seed(seed)
    module = Small(width).eval()
    for statistic, low, high in (("running_mean", -0.1, 0.1), ("running_var", 0.9, 1.1)):
        getattr(module.bn, statistic).uniform_(low, high)
    return ls.from_torch(module, (torch.zeros(2, 1, 8, 8),), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))


@pytest.fixture
def net(tmp_path: Path) -> Net:
    """``net(width)`` by the torch door, ``net(width, onnx=True)`` by the ONNX door."""

    def build(width: int = 8, *, onnx: bool = False, seed: int = 0) -> Graph:
        graph = exported(width, seed).clone()
        if onnx:
            ls.save(graph, tmp_path / "net.onnx")
            graph = ls.load(tmp_path / "net.onnx")
        return graph

    return build


@pytest.fixture(scope="session")
def train_data() -> dict[str, Array]:
    return images(256, 1)


@pytest.fixture(scope="session")
def test_data() -> dict[str, Array]:
    return images(512, 2)
