"""The same network entering by ONNX and by torch folds to the same ops."""

from __future__ import annotations

import io
import warnings
from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lissom.ir.graph import Graph
from lissom.ir.importers.onnx import load
from lissom.ir.importers.torch import from_torch
from lissom.ir.interpreter import evaluate
from lissom.passes.compare import relative_error
from lissom.passes.runner import run


class Excited(nn.Module):
    """Squeeze and excitation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.down, self.up, self.head = nn.Linear(8, 4), nn.Linear(4, 8), nn.Linear(8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.hardswish(self.norm(self.conv(x)))
        gate = F.hardsigmoid(self.up(torch.relu(self.down(y.mean((2, 3))))))
        return self.head(F.adaptive_avg_pool2d(y * gate[:, :, None, None], 1).flatten(1))


class Shuffled(nn.Module):
    """Channel shuffle, chunk and concat."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.norm, self.b = nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, groups=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu6(self.norm(self.a(x)))
        n, c, h, w = y.shape
        left, right = y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w).chunk(2, 1)
        return F.silu(self.b(torch.cat([right, left], 1))).flatten(1)


class Attentive(nn.Module):
    """One head of attention over rows, with residual, LayerNorm and GELU."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.qkv, self.out = nn.LayerNorm(12), nn.Linear(12, 36), nn.Linear(12, 12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.squeeze(1)
        q, k, v = self.qkv(self.norm(x)).chunk(3, -1)
        weights = torch.softmax(q @ k.transpose(1, 2) / 12**0.5, -1)
        return F.gelu(x + self.out(weights @ v))


def exported(module: nn.Module, x: torch.Tensor, opset: int) -> Graph:
    buffer = io.BytesIO()
    axes = {"x": {0: "N"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (x,), buffer, opset_version=opset, dynamo=False, input_names=["x"], dynamic_axes=axes)
    return load(buffer.getvalue())


@pytest.mark.parametrize("opset", [13, 17])
@pytest.mark.parametrize("module", [Excited(), Shuffled(), Attentive()], ids=lambda m: type(m).__name__)
def test_same_ops_by_both_doors(module, opset):
    module.eval()
    x = torch.randn(3, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    by_torch = from_torch(module, (x,), dynamic_shapes=({0: torch.export.Dim("N", min=2)},))
    graphs = [run("fold", g) for g in (by_torch, exported(module, x, opset))]
    a, b = (Counter(op.op_type for op in g.ops) for g in graphs)
    assert a == b
    expected = module(x).detach().numpy()
    for g in graphs:
        assert relative_error(expected, np.asarray(evaluate(g, x.numpy())[0])) < 1e-5
