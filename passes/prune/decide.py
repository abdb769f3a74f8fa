"""The decision: criterion, scope and budget put together into the set of units to remove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.passes.data import Data
from lissom.passes.prune.budget import TRIES, Measure, Until, choose_until, gains, measure_of
from lissom.passes.prune.criteria import CRITERIA
from lissom.passes.prune.evidence import Evidence, Scores
from lissom.passes.prune.select import (
    Choice,
    Cluster,
    Ladder,
    Policy,
    Removed,
    clusters,
    named,
    ranked,
    removed,
    uniform,
)
from lissom.passes.prune.solve import Solution, solve

Scope = Literal["uniform", "global"]


@dataclass(frozen=True)
class Decision:
    """A solution of a graph, and the rung chosen of every ladder."""

    solution: Solution
    ladders: list[Ladder]
    choice: Choice

    @property
    def removed(self) -> Removed:
        """For each unit whether it goes."""
        return removed(self.solution, self.ladders, self.choice)


def decide(
    graph: Graph,
    amount: float | Until,
    *,
    scope: Scope = "uniform",
    criterion: str = "l1",
    layers: Mapping[str, float] | None = None,
    round_to: int = 8,
    heads: bool = True,
    samples: int = 256,
    data: Data | None = None,
    seed: int = 0,
    clock: Measure | None = None,
) -> Decision:
    """Choose the units to remove. Raises Error for a budget that cannot be met and for names that nothing has."""
    if isinstance(amount, float) and not 0 <= amount < 1:
        raise Error(f"the share of channels to remove is at least 0 and below 1, got {amount:g}")
    solution = solve(graph, heads=heads)
    found = clusters(solution)
    scores = scores_of(Evidence(graph, solution, data, samples, seed), criterion, found)
    ladders = [c.ladder(scores, round_to) for c in found]
    own = named(solution, found, layers or {})
    fixed = {i: ladders[i].lowest(ratio) for i, ratio in own.items()}
    free = [i for i in range(len(ladders)) if i not in own]
    if scope == "global":
        what = amount.what if isinstance(amount, Until) else "units"
        for ladder, gain in zip(ladders, gains(graph, solution, ladders, what), strict=True):
            ladder.gain = gain
    policy = (uniform if scope == "uniform" else ranked)([ladders[i] for i in free])

    def whole(level: float) -> Choice:
        chosen = dict(zip(free, policy.choose(level), strict=True)) | fixed
        return [chosen[i] for i in range(len(ladders))]

    if isinstance(amount, Until):
        limit, measure = measure_of(amount, graph, clock)
        tries = TRIES if amount.ms is None else 0  # a time is not measured finely enough
        choice = choose_until(graph, solution, ladders, Policy(policy.levels, whole), limit, measure, tries)
    elif scope == "uniform":
        choice = whole(amount)
    else:
        choice = whole(_level(policy, [ladders[i] for i in free], amount))
    return Decision(solution, ladders, choice)


def scores_of(evidence: Evidence, criterion: str, found: Sequence[Cluster]) -> Scores:
    """The scores of every unit, such that those of different clusters compare.

    A cluster that a criterion says nothing about, as when nothing linear reads it, is scored by its weights.
    """
    rate = CRITERIA[criterion]
    scores: Scores = rate(evidence).copy()
    silent = [c for c in found if not scores[c.units].any()]
    if not rate.comparable:
        for c in found:
            scores[c.units] /= scores[c.units].mean() or 1.0
    if silent:
        weights = CRITERIA["l1"](evidence)
        others = [float(scores[c.units].mean()) for c in found if scores[c.units].any()]
        for c in silent:
            scores[c.units] = weights[c.units] / (weights[c.units].mean() or 1.0) * (np.median(others) if others else 1)
    return scores


def _level(policy: Policy, ladders: Sequence[Ladder], ratio: float) -> float:
    """The last level at which at most ``ratio`` of all units go."""
    limit = ratio * sum(len(ladder.cluster.units) for ladder in ladders) + 1e-9
    low, high = 0, len(policy.levels) - 1
    while low < high:
        middle = (low + high + 1) // 2
        choice = policy.choose(policy.levels[middle])
        if sum(len(ladder.rungs[i]) for ladder, i in zip(ladders, choice, strict=True)) <= limit:
            low = middle
        else:
            high = middle - 1
    return policy.levels[low] if policy.levels else 0.0
