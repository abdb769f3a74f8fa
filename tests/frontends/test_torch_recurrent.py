"""torch's LSTM, GRU and RNN modules, taken apart into steps, against themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import lissom as ls


class Net(torch.nn.Module):
    def __init__(self, kind: str, **given: Any) -> None:
        super().__init__()
        self.layer = getattr(torch.nn, kind)(4, 6, **given)

    def forward(self, x: torch.Tensor, states: Any = None) -> tuple[torch.Tensor, ...]:
        y, end = self.layer(x, states)
        return (y, *end) if isinstance(end, tuple) else (y, end)


ALL: list[dict[str, Any]] = [
    {},
    {"batch_first": True, "bias": False},
    {"bidirectional": True, "num_layers": 2, "batch_first": True, "dropout": 0.5},
    {"states": True},
]
CASES = [
    *[(kind, given) for kind in ("LSTM", "GRU", "RNN") for given in ALL],
    ("LSTM", {"proj_size": 3, "num_layers": 2, "bidirectional": True}),
    ("RNN", {"nonlinearity": "relu"}),
]


@pytest.mark.parametrize(("kind", "given"), CASES, ids=str)
def test_layers(kind: str, given: dict[str, Any]) -> None:
    given = dict(given)
    with_states = given.pop("states", False)
    torch.manual_seed(0)
    net = Net(kind, **given).eval()
    h = (torch.randn(1, 2, 6), torch.randn(1, 2, 6))
    args: tuple[Any, ...] = (torch.randn(2, 5, 4) if given.get("batch_first") else torch.randn(5, 2, 4),)
    if with_states:
        args = (*args, h if kind == "LSTM" else h[0])
    graph = ls.from_torch(net, args)
    flat = [a.numpy() for a in (args[0], *(args[1] if with_states and kind == "LSTM" else args[1:]))]
    expected = [t.detach().numpy() for t in net(*args)]
    back = ls.to_torch(graph)
    for found in (ls.evaluate(graph, *flat), [t.detach().numpy() for t in back(*args)]):
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert {n for n, _ in back.named_parameters()} == {n for n, _ in net.named_parameters()}


def test_any_batch() -> None:
    net = Net("GRU", batch_first=True).eval()
    graph = ls.from_torch(net, (torch.randn(2, 5, 4),), dynamic_shapes={"x": {0: torch.export.Dim("N")}})
    x = torch.randn(3, 5, 4)
    for a, b in zip(ls.evaluate(graph, x.numpy()), net(x), strict=True):
        np.testing.assert_allclose(a, b.detach().numpy(), rtol=1e-5, atol=1e-6)
