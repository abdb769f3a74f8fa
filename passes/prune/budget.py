"""Budgets: how much to remove until the graph is as small, or as fast, as asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.passes.prune.select import Choice, Ladder, Policy, removed
from lissom.passes.prune.shrink import shrink_units
from lissom.passes.prune.solve import Solution

Measure = Callable[[Graph], float]

TRIES = 60
"""Measurements spent on coming closer to a budget that is met,"""

CLOSE = 0.005
"""and how close is close enough."""


@dataclass(frozen=True)
class Until:
    """What may be left: ``macs`` and ``params`` as shares of what there was, ``ms`` as time of one run."""

    macs: float | None = None
    params: float | None = None
    ms: float | None = None

    def __post_init__(self) -> None:
        given = [n for n in ("macs", "params", "ms") if getattr(self, n) is not None]
        if len(given) != 1:
            raise Error(f"until(...) takes one of macs, params and ms, got {', '.join(given) or 'none'}")
        if (self.ms or 0) < 0 or not all(0 < share <= 1 for share in (self.macs, self.params) if share is not None):
            raise Error("until(macs=...) and until(params=...) take a share above 0 and up to 1, until(ms=...) a time")

    @property
    def what(self) -> str:
        """The name of what is limited."""
        return "params" if self.params is not None else "ms" if self.ms is not None else "macs"


def macs_of(graph: Graph) -> int:
    """Multiply-accumulates; free sizes count as 1."""
    return sum(op.macs() for op in graph.ops)


def params_of(graph: Graph) -> int:
    """Elements of all constants."""
    return sum(c.data.size for c in graph.consts)


def measure_of(budget: Until, graph: Graph, clock: Measure | None = None) -> tuple[float, Measure]:
    """The limit in absolute terms, and how to measure a graph."""
    if budget.macs is not None:
        return budget.macs * macs_of(graph), macs_of
    if budget.params is not None:
        return budget.params * params_of(graph), params_of
    if clock is None:
        raise Error(
            "until(ms=...) needs a clock, and the run has none: ls.run(..., clock=lissom.clock.c_clock(target)) times "
            "the graph as C on this machine, which takes a C compiler"
        )
    assert budget.ms is not None
    return budget.ms, clock


def choose_until(
    graph: Graph,
    solution: Solution,
    ladders: Sequence[Ladder],
    policy: Policy,
    limit: float,
    measure: Measure,
    tries: int = TRIES,
) -> Choice:
    """The choice that removes least and meets the limit: by bisection over the levels, measured on the smaller graph.

    Then ladders go back rung by rung, the dearest first, as far as the limit allows and ``tries`` measurements do.
    Raises Error, naming what can be reached, where no choice meets the limit.
    """
    known: dict[tuple[int, ...], float] = {}

    def reached(choice: Choice) -> float:
        key = tuple(choice)
        if key not in known:
            known[key] = measure(shrink_units(graph, solution, removed(solution, ladders, choice)))
        return known[key]

    low, high = -1, len(policy.levels) - 1
    if high < 0 or reached(policy.choose(policy.levels[high])) > limit:
        least = reached(policy.choose(policy.levels[high])) if high >= 0 else measure(graph)
        raise Error(f"the budget of {limit:g} cannot be met: removing all that may go leaves {least:g}")
    while high - low > 1:
        middle = (low + high) // 2
        if reached(policy.choose(policy.levels[middle])) <= limit:
            high = middle
        else:
            low = middle
    choice = policy.choose(policy.levels[high])
    fixed = policy.choose(policy.levels[0])
    for i in sorted(range(len(ladders)), key=lambda i: -_saving(ladders[i], choice[i])):
        while choice[i] > fixed[i] and tries and reached(choice) < (1 - CLOSE) * limit:
            tries -= 1
            back = [*choice[:i], choice[i] - 1, *choice[i + 1 :]]
            if reached(back) > limit:
                break
            choice = back
    return choice


def _saving(ladder: Ladder, rung: int) -> float:
    return ladder.losses[rung] - ladder.losses[rung - 1] if rung else 0.0


def gains(graph: Graph, solution: Solution, ladders: Sequence[Ladder], what: str) -> list[float]:
    """What the removal of one unit of each ladder saves, at first order, relative to the whole."""
    if what == "units":
        return [1.0] * len(ladders)
    total = macs_of(graph) if what != "params" else params_of(graph)
    worth = np.zeros(solution.count)
    for place in solution.places:
        n = place.const.data.shape[place.axis]
        data = place.const.data
        amount = data.size if what == "params" else sum(op.macs() for op in place.const.users) if data.ndim > 1 else 0
        np.add.at(worth, place.units.reshape(-1), amount / n / max(place.units.size / n, 1))
    return [float(worth[lad.cluster.units].mean()) / max(total, 1) or 1e-12 for lad in ladders]
