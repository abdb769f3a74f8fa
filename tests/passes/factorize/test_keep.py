"""Never slower: layers whose chain or block takes longer, by the clock of the run, stay; the report has both times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lissom as ls
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.relu import Relu
from lissom.ir.types import tensor
from lissom.ir.values import Const
from lissom.passes.report import Size

NARROW, WIDE = "narrow", "wide"


def array(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.fixture
def graph() -> Graph:
    """A convolution of 4 channels behind one of 32."""
    g = Graph("two")
    x = Conv(g.input("x", tensor("float32", 1, 32, 16, 16)), Const(array(0, 32, 32, 3, 3)), pads=(1,) * 4).named(WIDE)
    y = Conv(Relu(x), Const(array(1, 4, 32, 3, 3)), pads=(1,) * 4).named(NARROW)
    g.append(y)
    g.set_outputs({"y": y})
    return g


class Clock:
    """A machine on which starting an op takes as long as ``start`` multiply-accumulates."""

    def __init__(self, start: float) -> None:
        self.start = start
        self.timed: list[Graph] = []

    def __call__(self, graph: Graph) -> float:
        self.timed.append(graph)
        assert all(isinstance(d, int) for i in graph.inputs for d in i.type.dims)
        return (Size.of(graph).macs + self.start * len(graph)) / 1e6


def rows(pipeline: str, graph: Graph, clock: Any) -> tuple[Graph, dict[str, dict[str, Any]]]:
    small, report = ls.run(pipeline, graph, clock=clock, report=True)
    return small, {row["layer"]: row for row in report.rows[0].tables.get("layers", [])}


@pytest.mark.parametrize(
    "pipeline", ["factorize(spatial_svd, select=energy, energy=0.5)", "substitute(depthwise_separable)"]
)
def test_only_what_is_faster_stays(graph: Graph, pipeline: str) -> None:
    small, table = rows(pipeline, graph, Clock(3e5))
    assert NARROW in table
    assert table[NARROW]["becomes"] == "itself again"
    before, after = map(float, table[NARROW]["ms"].split(" -> "))
    assert after >= before
    assert table[WIDE]["becomes"] != "itself again"
    before, after = map(float, table[WIDE]["ms"].split(" -> "))
    assert after < before
    kept = [op for op in small.ops if op.name == NARROW]
    assert np.array_equal(kept[0].w.data, array(1, 4, 32, 3, 3))  # type: ignore[attr-defined]


@pytest.mark.parametrize("pipeline", ["factorize(svd, macs=0.5)", "substitute(depthwise_separable)"])
def test_where_nothing_is_faster_nothing_changes(graph: Graph, pipeline: str) -> None:
    small, table = rows(pipeline, graph, Clock(1e9))
    assert [op.op_type for op in small.ops] == [op.op_type for op in graph.ops]
    assert {row["becomes"] for row in table.values()} == {"itself again"}


def test_others_are_chosen_anew_to_meet_the_budget(graph: Graph) -> None:
    small, table = rows("factorize(spatial_svd, macs=0.3, select=uniform)", graph, Clock(3e5))
    assert table[NARROW]["becomes"] == "itself again"
    assert Size.of(small).macs <= 0.3 * Size.of(graph).macs


def test_named_ranks_and_keep_always_are_not_questioned(graph: Graph) -> None:
    clock = Clock(1e9)
    assert len(rows(f"factorize(svd, ranks='{WIDE}=8')", graph, clock)[0]) == len(graph) + 1
    clock.timed.clear()
    small, table = rows("substitute(grouped, keep=always)", graph, clock)
    assert Size.of(small).macs < Size.of(graph).macs
    assert not clock.timed
    assert {row["ms"] for row in table.values()} == {"not timed"}


def test_what_cannot_be_timed_says_why(graph: Graph) -> None:
    def clock(_: Graph) -> float:
        raise Error("no C compiler found")

    small, table = rows("factorize(svd, macs=0.5)", graph, clock)
    assert Size.of(small).macs <= 0.5 * Size.of(graph).macs
    assert {row["ms"] for row in table.values()} == {"not timed: no C compiler found"}


def test_a_latency_budget_goes_by_the_clock(graph: Graph) -> None:
    clock = Clock(1e4)
    small, table = rows("factorize(tucker, latency=0.5)", graph, clock)
    spent = sum(float(row["ms"].split(" -> ")[1]) for row in table.values())
    whole = sum(Clock(1e4)(one) for one in clock.timed[:2])  # the layers as they are
    assert table
    assert spent <= 0.55 * whole
    assert len(clock.timed) < 30
    assert len(small) > len(graph)


def test_the_layer_alone_is_emitted_and_timed() -> None:
    """The clock of the command line: a product of low rank is faster as C than the whole one."""
    from lissom.clock import c_clock

    g = Graph("product")
    g.append(MatMul(g.input("x", tensor("float32", 8, 512)), Const(array(0, 512, 512))).named("layer"))
    g.set_outputs({"y": g.ops[-1]})
    small, table = rows("factorize(svd, macs=0.2)", g, c_clock())
    assert len(small) == 2
    before, after = map(float, table["layer"]["ms"].split(" -> "))
    assert after < 0.7 * before
