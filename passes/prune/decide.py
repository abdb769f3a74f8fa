"""The decision: criterion, scope and budget put together into the set of units to remove."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.passes.data import Data
from lissom.passes.prune.budget import Until, choose_until, gains, measure_of
from lissom.passes.prune.criteria import CRITERIA
from lissom.passes.prune.evidence import Evidence
from lissom.passes.prune.select import (
    Choice,
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
) -> Decision:
    """Choose the units to remove. Raises Error for a budget that cannot be met and for names that nothing has."""
    if isinstance(amount, float) and not 0 <= amount < 1:
        raise Error(f"the share of channels to remove is at least 0 and below 1, got {amount:g}")
    solution = solve(graph, heads=heads)
    found = clusters(solution)
    rate = CRITERIA[criterion]
    scores = rate(Evidence(graph, solution, data, samples, seed))
    if not rate.comparable:
        scores = scores.copy()
        for c in found:
            scores[c.units] /= scores[c.units].mean() or 1.0
    ladders = [c.ladder(scores, round_to) for c in found]
    own = named(solution, found, layers or {})
    rest = [i for i in range(len(ladders)) if i not in own]
    fixed = {i: ladders[i].lowest(ratio) for i, ratio in own.items()}
    free = [ladders[i] for i in rest]
    budget = amount if isinstance(amount, Until) else None
    if scope == "global" and free:
        for ladder, gain in zip(free, gains(graph, solution, free, budget.what if budget else "units"), strict=True):
            ladder.gain = gain
        policy = ranked(free)
    else:
        policy = uniform(free)

    def whole(part: Choice) -> Choice:
        choice = dict(zip(rest, part, strict=True)) | fixed
        return [choice[i] for i in range(len(ladders))]

    policy = Policy(policy.levels, lambda level, choose=policy.choose: whole(choose(level)))
    if budget is not None:
        limit, measure = measure_of(budget, graph)
        choice = choose_until(graph, solution, ladders, policy, limit, measure)
    elif scope == "global":
        total = sum(len(lad.cluster.units) for lad in free)
        choices = [policy.choose(level) for level in policy.levels] or [whole([])]
        gone = [sum(len(free[k].rungs[c[i]]) for k, i in enumerate(rest)) for c in choices]
        choice = choices[max((i for i, n in enumerate(gone) if n <= float(amount) * total + 1e-9), default=0)]
    else:
        choice = policy.choose(float(amount))
    return Decision(solution, ladders, choice)
