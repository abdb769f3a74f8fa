"""Least squares on data for the ops that end a chain, and for the layers behind: they give what was given before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.types import Array
from lissom.ir.values import Value
from lissom.passes.least_squares.linear import linear
from lissom.passes.least_squares.solve import Goal, behind, goal_of, solvable, solve_layers

RIDGE = 1e-2
"""How much the weights of the chain count against the data: with less, weights grow that amplify what is rounded."""


@dataclass(frozen=True, eq=False)
class Fit:
    """``op`` is to give the channels ``channels`` (None: all) of what ``tail`` stands for."""

    op: Op
    tail: Op
    channels: Array | None = None


def refit(
    original: Graph,
    graph: Graph,
    was: Mapping[Value, Value],
    fits: Iterable[Fit],
    feeds: list[dict[str, Array]],
    seed: int,
) -> None:
    """Solve the ops of ``fits`` in place, and the layers that read what has changed: they too can mend it, and cost no
    more than before. ``was`` maps values of ``graph`` to those of ``original`` they stand for."""
    given = {f.op: f for f in fits}
    later = [op for op in behind(graph, given) if op in was and op not in given]
    goals = {op: _goal(f, graph, was) for op, f in given.items() if linear(op) is not None}
    goals |= {op: goal_of(op, graph, was) for op in solvable(later, "refit")}
    solve_layers(original, graph, goals, feeds, ridge=RIDGE, seed=seed, by="refit")


def _goal(fit: Fit, graph: Graph, was: Mapping[Value, Value]) -> Goal:
    if fit.op is fit.tail and fit.channels is None:
        return goal_of(fit.op, graph, was)
    return Goal(was[fit.tail], channels=fit.channels)
