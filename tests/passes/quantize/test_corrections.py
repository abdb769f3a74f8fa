"""Bias correction, equalization, SmoothQuant, mixed precision and the table of noise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.layer_normalization import LayerNormalization
from lissom.ir.ops.relu import Relu
from lissom.ir.values import Const, Value
from lissom.passes.notes import recording
from lissom.passes.quantize.layers import weight_of
from lissom.passes.quantize.mixed import choose
from lissom.passes.runner import run
from tests.passes.quantize.nets import attention, batches, chain, graph_of, weights


def outputs(graph: Graph, data: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([evaluate(graph, x)[0] for x in data])


@pytest.mark.parametrize("build", [chain, attention])
def test_the_mean_of_the_outputs_comes_back(build: object) -> None:
    rng = np.random.default_rng(3)
    graph = build(rng)  # type: ignore[operator]
    data = batches(rng, *graph.inputs[0].type.dims[1:], count=4)
    decided = run("fake_quantize(weights=int4)", graph, data=data)
    corrected = run("correct_bias(64)", decided, data=data)
    exact = outputs(graph, data)
    before, after = (np.abs((outputs(g, data) - exact).mean(0)).mean() for g in (decided, corrected))
    assert after < 0.5 * before


def test_bias_correction_is_not_misled_by_one_outlier() -> None:
    rng = np.random.default_rng(4)
    graph, data = chain(rng), batches(rng, 3, 8, 8, count=4)
    clean = [d.copy() for d in data]
    data[0][0] *= 300.0
    off, on = (
        run(f"fake_quantize(observer=percentile, percentile=99), {p}", graph, data=data)
        for p in ("measure_noise", "correct_bias")
    )
    exact = outputs(graph, clean)
    assert np.square(outputs(on, clean) - exact).sum() < 1.2 * np.square(outputs(off, clean) - exact).sum()


def uneven(rng: np.random.Generator) -> Graph:
    """Two convolutions whose channels differ a thousandfold."""
    spread = 10.0 ** rng.uniform(-1.5, 1.5, 8).astype(np.float32)

    def build(x: Value) -> Value:
        w = weights(rng, 8, 3, 3, 3).data * spread[:, None, None, None]
        hidden = Relu(Conv(x, Const(w, "w"), Const(rng.standard_normal(8).astype(np.float32) * spread, "b")))
        return Conv(hidden, Const(weights(rng, 4, 8, 1, 1).data / spread[:, None, None], "w"))

    return graph_of(build, 3, 7, 7)


def test_equalization_changes_nothing_and_evens_the_weights() -> None:
    rng = np.random.default_rng(0)
    graph, data = uneven(rng), batches(rng, 3, 7, 7)
    equal = run("equalize", graph)
    np.testing.assert_allclose(outputs(equal, data), outputs(graph, data), rtol=1e-4, atol=1e-4)
    first = next(op for op in equal.ops if isinstance(op, Conv))
    second = next(op for op in reversed(equal.ops) if isinstance(op, Conv))
    w1, w2 = (np.abs(op.w.data) for op in (first, second))  # type: ignore[attr-defined]
    r1 = np.maximum(w1.max((1, 2, 3)), np.abs(first.b.data))  # type: ignore[union-attr]
    np.testing.assert_allclose(r1, w2.max((0, 2, 3)), rtol=0.02)
    before, after = (
        np.square(
            outputs(run("quantize(int8, bias_correction=false)", g, data=data), data) - outputs(graph, data)
        ).sum()
        for g in (graph, equal)
    )
    assert after < before / 2


def test_equalization_goes_through_depthwise_and_names_what_stops_it() -> None:
    graph = chain(np.random.default_rng(0))
    with recording() as notes:
        run("equalize", graph)
    reasons = " ".join(n.reason for n in notes.refused)
    assert "does not pass scales on" in reasons or "grouped" in reasons


def test_smoothquant_changes_nothing_and_helps_where_channels_of_activations_differ() -> None:
    rng = np.random.default_rng(1)
    graph, data = attention(rng), batches(rng, 6, 8)
    norm = next(op for op in graph.ops if isinstance(op, LayerNormalization))
    spread = np.array([30.0, 1, 1, 1, 1, 1, 1, 1], np.float32)
    layers = norm.users
    graph.replace(norm, norm.replace(scale=norm.scale.data * spread, b=norm.b.data * spread))  # type: ignore[union-attr]
    for op in layers:
        graph.replace(op, op.replace(b=op.b.data / spread[:, None]))  # type: ignore[attr-defined]
    smooth = run("smooth", graph, data=data)
    np.testing.assert_allclose(outputs(smooth, data), outputs(graph, data), rtol=1e-3, atol=1e-4)
    before, after = (
        np.square(outputs(run("quantize(int8)", g, data=data), data) - outputs(graph, data)).sum()
        for g in (graph, smooth)
    )
    assert after < before


rows = st.lists(st.floats(0, 10), min_size=2, max_size=3)


@settings(max_examples=50, deadline=None)
@given(st.lists(rows, min_size=1, max_size=5), st.floats(0.3, 1.0), st.integers(0, 2**32 - 1))
def test_the_choice_of_bits_is_the_best_there_is(noise: list[list[float]], share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 50, len(noise))
    cost = [[float(n * b) for b in (8, 4, 2)[: len(row)]] for row, n in zip(noise, sizes, strict=True)]
    budget = share * sum(row[0] for row in cost)
    feasible = [
        (sum(n[k] for n, k in zip(noise, picks, strict=True)), picks)
        for picks in itertools.product(*(range(len(row)) for row in noise))
        if sum(c[k] for c, k in zip(cost, picks, strict=True)) <= budget
    ]
    if not feasible:
        with pytest.raises(Error, match="budget"):
            choose(noise, cost, budget)
        return
    picked = choose(noise, cost, budget)
    assert sum(c[k] for c, k in zip(cost, picked, strict=True)) <= budget * (1 + 1e-9)
    assert sum(n[k] for n, k in zip(noise, picked, strict=True)) <= min(feasible)[0] + 1e-4


def test_mixed_precision_keeps_its_budget_and_beats_uniform_bits() -> None:
    rng = np.random.default_rng(2)
    graph, data = chain(rng, 16), batches(rng, 3, 8, 8)
    mixed, report = run("fake_quantize, mixed_precision(0.5), integerize", graph, data=data, report=True)
    uniform = run("fake_quantize(weights=int4), integerize", graph, data=data)
    sizes = [sum(c.type.nbytes() for c in g.consts if c.data.ndim > 1) for g in (mixed, uniform)]
    assert sizes[0] <= sizes[1] + 8
    exact = outputs(graph, data)
    errors = [np.square(outputs(g, data) - exact).sum() for g in (mixed, uniform)]
    assert errors[0] <= errors[1]
    (table,) = [row.tables["mixed_precision"] for row in report.rows if "mixed_precision" in row.tables]
    assert {r["layer"] for r in table} == {"first", "depthwise", "grouped", "fc"}


def test_with_room_the_layer_that_loses_most_stays_float() -> None:
    rng = np.random.default_rng(2)
    graph, data = chain(rng, 16), batches(rng, 3, 8, 8)
    mixed, report = run("fake_quantize, mixed_precision(1.5)", graph, data=data, report=True)
    table = {r["layer"]: r for r in report.rows[-1].tables["mixed_precision"]}
    floats = [name for name, r in table.items() if r["weights"] == "float"]
    assert 0 < len(floats) < len(table)
    assert all(float(table[name]["noise"]) == 0 for name in floats)
    kinds = {op.name: op.op_type for op in run("integerize", mixed).ops}
    assert all((kinds[name] in ("Conv", "Gemm")) == (name in floats) for name in table), kinds
    bits = {"float": 32, "int8": 8, "int4": 4, "int2": 2}
    sizes = {op.name: w.type.size() for op in graph.ops if (w := weight_of(op)) is not None}
    assert sum(sizes[n] * bits[r["weights"]] for n, r in table.items()) <= 1.5 * 8 * sum(sizes.values())


@pytest.mark.parametrize(("budget", "floats"), [(0.8, {"fc"}), (1.5, {"fc", "first", "depthwise", "grouped"})])
def test_a_budget_of_latency_is_spent_on_what_loses_most(budget: float, floats: set[str]) -> None:
    rng = np.random.default_rng(2)

    def clock(layer: Graph) -> float:
        """Bytes are twice as fast in convolutions and half as fast in the product."""
        kinds = {op.op_type for op in layer.ops}
        return 1.0 if kinds & {"QLinearConv", "Gemm", "MatMul"} else 2.0

    graph, data = chain(rng, 16), batches(rng, 3, 8, 8)
    _, report = run(f"fake_quantize, mixed_precision({budget}, latency)", graph, data=data, report=True, clock=clock)
    table = report.rows[-1].tables["mixed_precision"]
    assert {r["layer"] for r in table if r["weights"] == "float"} == floats
    assert all(r["weights"] in ("float", "int8") for r in table), "fewer bits take no less time"
    with pytest.raises(Error, match="clock"):
        run(f"fake_quantize, mixed_precision({budget}, latency)", graph, data=data)


def test_a_budget_too_small_is_named() -> None:
    rng = np.random.default_rng(2)
    with pytest.raises(Error, match="budget"):
        run("fake_quantize, mixed_precision(0.1)", chain(rng), data=batches(rng, 3, 8, 8))


def test_the_report_says_which_layer_loses_most() -> None:
    rng = np.random.default_rng(6)
    graph, data = chain(rng), batches(rng, 3, 8, 8)
    with recording() as notes:
        _, report = run('quantize(int8, layers=["depthwise=int2"])', graph, data=data, report=True)
    (rows,) = [row.to_dict()["noise"] for row in report.rows if "noise" in row.tables]
    worst = min(rows, key=lambda r: r["own_db"])
    assert worst["layer"] == "depthwise"
    assert [n.op for n in notes.done if n.by == "noise"] == ["Conv 'depthwise'"]
    assert next(r for r in rows if r["layer"] == "first")["weights_db"] > 30
