"""Dropping residual branches, and units that are constant."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lissom as ls
from lissom.ir.dims import symbol
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.flatten import Flatten
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.global_average_pool import GlobalAveragePool
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.sigmoid import Sigmoid
from lissom.ir.types import tensor
from lissom.ir.values import Const, Value
from lissom.passes.compare import relative_error
from lissom.passes.prune import drop_blocks, drop_dead
from lissom.passes.prune.drop import blocks


def random(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def chain_of_blocks(rng: np.random.Generator, scales: list[float]) -> Graph:
    """x + scale_1 f_1(x), and so on: a branch matters as much as its scale."""
    graph = Graph("chain")
    x: Value = graph.input("x", tensor("float32", symbol("N"), 4))
    for i, scale in enumerate(scales):
        w, v = random(rng, 4, 6), scale * random(rng, 6, 4)
        branch = Gemm(Relu(Gemm(x, Const(w), Const(random(rng, 6)))), Const(v))
        x = Add(branch, x).named(f"block{i}")
    graph.set_outputs({"y": x})
    return graph


@settings(max_examples=15, deadline=None)
@given(st.permutations([0.01, 0.1, 1.0]), st.integers(0, 99))
def test_the_branches_go_in_the_order_of_what_they_do(scales: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = chain_of_blocks(rng, scales)
    assert [b.end.name for b in blocks(graph)] == ["block0", "block1", "block2"]
    drop_blocks(graph, amount=2, recover=False, data=[random(rng, 50, 4)], seed=0)
    assert [op.name for op in graph.ops if isinstance(op, Add)] == [f"block{scales.index(1.0)}"]


def test_a_share_of_branches_and_more_than_there_are() -> None:
    rng = np.random.default_rng(0)
    graph = chain_of_blocks(rng, [0.1, 1.0])
    with pytest.raises(Error, match="3 residual branches cannot be dropped: 'chain' has 2"):
        drop_blocks(graph, amount=3, data=[random(rng, 8, 4)], seed=0)
    drop_blocks(graph, amount=0.5, data=[random(rng, 8, 4)], seed=0)
    assert sum(isinstance(op, Add) for op in graph.ops) == 1


def test_an_addition_of_unrelated_branches_is_no_block(residual) -> None:
    graph = Graph("shortcut")
    rng = np.random.default_rng(0)
    x = graph.input("x", tensor("float32", symbol("N"), 4))
    graph.set_outputs({"y": graph.append(Add(Gemm(x, Const(random(rng, 4, 4))), Gemm(x, Const(random(rng, 4, 4)))))})
    assert blocks(graph) == []
    (block,) = blocks(residual())
    assert [op.name for op in block.inside] == ["b", "r1", "a"]


def test_recovery_makes_up_for_a_dropped_branch(residual, images) -> None:
    graph = residual()
    errors = []
    for recover in (False, True):
        dropped = graph.clone()
        drop_blocks(dropped, amount=1, recover=recover, samples=64, data=[images[:64]], seed=0)
        errors.append(relative_error(evaluate(graph, images[64:])[0], evaluate(dropped, images[64:])[0]))
    assert errors[1] < errors[0]


def test_dropped_branches_run_through_the_pipeline(residual, images) -> None:
    small, report = ls.run("drop_blocks(1), shrink", residual(), data=[images], report=True)
    assert not any(isinstance(op, Add) for op in small.ops)
    assert [r.name for r in report.rows] == ["drop_blocks", "shrink"]


def dead_network(rng: np.random.Generator, dead: list[int], bias: float, pads: int, kind: str) -> Graph:
    """Conv, an activation and a second layer; the weights of the channels in ``dead`` are zero."""
    graph = Graph("dead")
    x = graph.input("x", tensor("float32", symbol("N"), 2, 6, 6))
    w, b = random(rng, 8, 2, 3, 3), random(rng, 8)
    if kind != "batch_norm":
        w[dead], b[dead] = 0, bias
    y: Op = Conv(x, Const(w, "w"), Const(b, "b"))
    if kind == "batch_norm":
        scale, shift = np.ones(8, np.float32), random(rng, 8)
        scale[dead], shift[dead] = 0, bias
        y = BatchNormalization(y, Const(scale), Const(shift), Const(random(rng, 8)), Const(np.ones(8, np.float32)))
    y = Sigmoid(y) if kind == "sigmoid" else Relu(y)
    if kind == "gate":
        y = Mul(y, Const((~np.isin(np.arange(8), dead)).astype(np.float32).reshape(8, 1, 1)))
    if kind == "flatten":
        y = Gemm(Flatten(GlobalAveragePool(y)), Const(random(rng, 8, 3), "v"))
    else:
        y = Conv(y, Const(random(rng, 3, 8, 3, 3), "v"), pads=(pads,) * 4)
    graph.set_outputs({"y": graph.append(y)})
    return graph


@settings(max_examples=60, deadline=None)
@given(
    st.sets(st.integers(0, 7), max_size=6),
    st.sampled_from([0.0, -1.0, 0.5]),
    st.integers(0, 1),
    st.sampled_from(["relu", "sigmoid", "batch_norm", "flatten", "gate"]),
    st.integers(0, 99),
)
def test_constant_units_go_and_nothing_changes(dead: set[int], bias: float, pads: int, kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = dead_network(rng, sorted(dead), bias, pads, kind)
    x = random(rng, 3, 2, 6, 6)
    expected = evaluate(graph, x)[0]
    drop_dead(graph)
    assert relative_error(expected, evaluate(graph, x)[0]) < 1e-5
    value = 1 / (1 + np.exp(-bias)) if kind == "sigmoid" else max(bias, 0)
    can_go = kind in ("flatten", "gate") or pads == 0 or value == 0
    w = next(c for c in graph.consts if c.name == "w")
    assert w.data.shape[0] == 8 - (len(dead) if can_go else 0)


def test_units_that_nothing_reads_go() -> None:
    rng = np.random.default_rng(5)
    graph = dead_network(rng, [], 0, 1, "relu")
    v = next(c for c in graph.consts if c.name == "v")
    zero = v.data.copy()
    zero[:, [2, 5]] = 0
    graph.replace(v, v.replace(zero))
    x = random(rng, 2, 2, 6, 6)
    expected = evaluate(graph, x)[0]
    small, report = ls.run("drop_dead", graph, report=True)
    assert report.rows[0].check.startswith("equal")
    assert next(c for c in small.consts if c.name == "w").data.shape[0] == 6
    assert relative_error(expected, evaluate(small, x)[0]) < 1e-5


def test_a_graph_without_dead_units_stays_as_it_is(residual) -> None:
    graph = residual()
    before = str(graph)
    drop_dead(graph)
    assert str(graph) == before
