"""Methods that choose integers for weights, against rounding to nearest and against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.values import Const, Value
from lissom.passes.least_squares.rows import from_rows, to_rows
from lissom.passes.quantize.brecq import blocks_of
from lissom.passes.quantize.gptq import column_rounding
from lissom.passes.quantize.layers import draw_columns
from lissom.passes.runner import run
from tests.passes.quantize.nets import attention, batches, chain, graph_of, weights


def correlated(rng: np.random.Generator, inner: int, count: int) -> torch.Tensor:
    mix = rng.standard_normal((inner, inner))
    return torch.from_numpy(np.maximum(mix @ rng.standard_normal((inner, count)) + 0.5, 0.0))


def error(q: torch.Tensor, w: torch.Tensor, scale: torch.Tensor, x: torch.Tensor) -> float:
    return float(((q * scale - w).double() @ x).pow(2).mean())


@pytest.mark.parametrize("seed", range(4))
def test_columns_in_order_beat_nearest_and_come_near_the_best(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = correlated(rng, 5, 400)
    w = torch.from_numpy(rng.standard_normal((1, 1, 5)).astype(np.float32))
    scale = w.abs().amax(-1, keepdim=True) / 3
    q = column_rounding(w, (x @ x.T)[None] / 400, scale, -4, 3, 0.0)
    nearest = torch.clamp(torch.round(w / scale), -4, 3)
    best = min(
        error(torch.tensor(c, dtype=torch.float32).reshape(1, 1, 5), w, scale, x)
        for c in itertools.product(range(-4, 4), repeat=5)
    )
    assert best <= error(q, w, scale, x) <= error(nearest, w, scale, x)
    assert error(q, w, scale, x) <= 6 * best


def test_inputs_that_are_always_zero_do_no_harm() -> None:
    rng = np.random.default_rng(0)
    x = correlated(rng, 6, 100)
    x[2] = 0
    w = torch.from_numpy(rng.standard_normal((1, 3, 6)).astype(np.float32))
    q = column_rounding(w, (x @ x.T)[None], w.abs().amax(-1, keepdim=True) / 7, -8, 7, 0.01)
    assert bool(torch.isfinite(q).all())


@pytest.mark.parametrize(
    ("shape", "attributes"),
    [
        ((6, 4, 3, 3), {"pads": (1, 0, 1, 2)}),
        ((6, 2, 3, 2), {"group": 2, "dilations": (2, 1)}),
        ((4, 1, 2, 2), {"group": 4, "strides": (2, 1)}),
    ],
)
def test_columns_and_rows_multiply_to_the_convolution(shape: tuple[int, ...], attributes: dict[str, object]) -> None:
    rng = np.random.default_rng(0)
    op = Conv(Const(rng.standard_normal((2, 4, 9, 8)).astype(np.float32)), weights(rng, *shape), **attributes)
    x, w = torch.from_numpy(op.x.data.copy()), torch.from_numpy(op.w.data.copy())  # type: ignore[attr-defined]
    every = draw_columns(op, x, 10**6, seed=3)
    product = to_rows(op, w) @ every
    expected = op.run(x, w).movedim(1, -1).reshape(-1, shape[0]).T
    chosen = torch.randperm(expected.shape[1], generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(product.reshape(shape[0], -1), expected[:, chosen], rtol=1e-4, atol=1e-5)
    assert torch.equal(from_rows(op, to_rows(op, w), shape), w)


def noise(graph: Graph, decided: Graph, data: list[np.ndarray]) -> float:
    exact = np.concatenate([evaluate(graph, x)[0] for x in data])
    got = np.concatenate([evaluate(decided, x)[0] for x in data])
    return float(np.square(exact - got).sum() / np.square(exact).sum())


@pytest.mark.parametrize("build", [chain, attention])
@pytest.mark.parametrize("method", ["gptq", "adaround(iterations=300)", "brecq(iterations=200)"])
def test_chosen_integers_lose_less_on_data_not_seen(build: object, method: str) -> None:
    rng = np.random.default_rng(5)
    graph = build(rng)  # type: ignore[operator]
    shape = graph.inputs[0].type.dims[1:]
    data, unseen = batches(rng, *shape, count=8), batches(rng, *shape, count=4)
    nearest = run("fake_quantize(weights=int4)", graph, data=data)
    chosen = run(f"fake_quantize(weights=int4), {method}", graph, data=data)
    assert noise(graph, chosen, unseen) < 0.8 * noise(graph, nearest, unseen)
    fakes = [op for op in chosen.ops if isinstance(op, FakeQuant) and isinstance(op.x, Const)]
    for fake in fakes:
        assert isinstance(fake.chosen, Const)
        integers = fake.chosen.data.astype(int)
        assert fake.low <= integers.min() <= integers.max() <= fake.high
    realized = run("integerize", chosen)
    assert {c.type.dtype.name for c in realized.consts} >= {"int4"}


def test_blocks_end_where_one_value_holds_all() -> None:
    rng = np.random.default_rng(5)
    graph = run("fake_quantize", chain(rng), data=batches(rng, 3, 8, 8))
    found = [[op.name for op in block.ops if isinstance(op, Conv)] for block in blocks_of(graph)]
    assert [names for names in found if names] == [["first"], ["depthwise", "grouped"]]
    assert [op for block in blocks_of(graph) for op in block.ops] == list(graph.ops)


def test_weights_that_two_layers_share_are_chosen() -> None:
    rng = np.random.default_rng(0)
    graph = graph_of(lambda x: shared(x, rng), 3, 6, 6)
    decided = run("fake_quantize(weights=int4), gptq", graph, data=batches(rng, 3, 6, 6))
    fakes = [op for op in decided.ops if isinstance(op, FakeQuant) and isinstance(op.x, Const)]
    assert fakes
    assert all(fake.chosen is not None for fake in fakes)


def shared(x: Value, rng: np.random.Generator) -> Value:
    w = weights(rng, 3, 3, 1, 1)
    return Conv(Conv(x, w), w)
