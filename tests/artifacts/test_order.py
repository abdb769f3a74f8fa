"""Orders of execution: the one that needs least memory is found, and kept where the arena is smaller for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.backends.c import Artifact, emit
from lissom.backends.c.emit import plan_program
from lissom.backends.c.memory import order
from lissom.backends.c.memory.order import Needs, less_memory
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops import Add, Concat, Exp, ReduceMax, Reshape
from lissom.ir.samples import literal
from lissom.ir.types import tensor
from lissom.ir.values import Value

AXIS = [0]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Up to seven ops on vectors: joined, reduced to one element, or changed one by one."""
    graph = Graph("drawn")
    values: list[Value] = [graph.input("x", tensor("float32", 4))]
    for _ in range(draw(st.integers(3, 7))):
        a, b = draw(st.sampled_from(values)), draw(st.sampled_from(values))
        kind = draw(st.sampled_from(("join", "reduce", "change", "view")))
        if kind == "join":
            op = Concat((a, b), axis=0)
        elif kind == "reduce":
            op = ReduceMax(a, literal("axes", AXIS))
        else:
            op = Exp(a) if kind == "change" else Reshape(a, literal("shape", [-1]))
        values.append(graph.append(op))
    unread = [v for v in values[1:] if not v.users]
    graph.set_outputs({f"y{i}": v for i, v in enumerate(unread)})
    return graph


def all_orders(after: list[set[int]], done: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    if len(done) == len(after):
        yield done
    for op in set(range(len(after))).difference(done):
        if after[op] <= {*done}:
            yield from all_orders(after, (*done, op))


@given(graphs())
def test_no_order_needs_less(graph: Graph) -> None:
    needs = Needs(graph, list(graph.ops))
    after = [{i for i, other in enumerate(graph.ops) if other in op.operands} for op in graph.ops]
    found = needs.least()
    assert tuple(found) in {*all_orders(after)}
    assert needs.peak(found) == min(map(needs.peak, all_orders(after)))


def branches(count: int) -> Graph:
    """Wide values of which each is reduced, all wide ones before all reductions."""
    graph = Graph("branches")
    x = graph.input("x", tensor("float32", 1, 100))
    wide = [graph.append(Concat((x, Exp(x), x), axis=1)) for _ in range(count)]
    narrow = [graph.append(ReduceMax(Exp(v), literal("axes", [1]))) for v in wide]
    total: Value = narrow[0]
    for v in narrow[1:]:
        total = graph.append(Add(total, v))
    graph.set_outputs({"y": total})
    return graph


def test_a_smaller_arena_is_taken_and_the_results_stay(tmp_path: Path) -> None:
    graph = branches(4)
    _, _, program = plan_program(graph, "portable")
    assert program.arena_bytes < 2 * 4 * 300 + 512
    emit(graph, tmp_path / "out")
    x = np.linspace(-1, 1, 100, dtype=np.float32).reshape(1, 100)
    np.testing.assert_allclose(Artifact(tmp_path / "out").run(x)[0], evaluate(graph, x)[0], rtol=1e-6)


@settings(max_examples=10)
@given(st.integers(1, 3), st.integers(2, 6))
def test_a_narrow_search_finds_some_order(width: int, count: int) -> None:
    graph = branches(count)
    before, order.WIDTH = order.WIDTH, width
    try:
        found = less_memory(graph)
    finally:
        order.WIDTH = before
    assert found is None or sorted(map(id, found)) == sorted(map(id, graph.ops))
