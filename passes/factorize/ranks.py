"""Ranks for a whole network under a budget, in the manner of ENC (Kim et al. 2019, arXiv:1811.12781).

Every layer has a ladder of rungs, each with an error and a cost. A policy picks one rung a layer so that the costs stay
within the budget: *uniform* the same share of the rank that saves nothing, *equal* the same error in every layer
(ENC-Map), *product* the largest product of what the layers keep (ENC-Model), and *weighted* the least sum of errors,
each counted by what it was measured to do to the output of the network. Which one wins is decided on data (ENC-Inf).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lissom.ir.errors import Error
from lissom.passes.factorize.methods import Rung

Ladder = Sequence[Rung]
Choice = list[int]
"""The rung of each ladder."""

KEEP = 1e-6
"""What counts as kept where everything is lost: the logarithm stays finite."""


def within(ladders: Sequence[Ladder], choice: Choice) -> float:
    """The cost of a choice."""
    return sum(ladder[i].cost for ladder, i in zip(ladders, choice, strict=True))


def require_reachable(ladders: Sequence[Ladder], budget: float, rest: float, what: str, least_is: str) -> None:
    """Raise Error, saying what can be reached, where even the cheapest rungs are beyond the budget."""
    least = sum(min(rung.cost for rung in ladder) for ladder in ladders)
    if not ladders and budget < 0:
        raise Error(
            f"the budget of {budget + rest:g} {what} cannot be met: no layer can be changed, and all take {rest:g}; "
            "explain says of each layer why"
        )
    if least > budget * (1 + 1e-9):
        raise Error(
            f"the budget of {budget + rest:g} {what} cannot be met: {least_is} {least + rest:g}, "
            f"{rest:g} of them in ops that are not factorized"
        )


def uniform(ladders: Sequence[Ladder], budget: float) -> Choice:
    """The largest share of the rank at which nothing is saved, the same in every layer, that fits."""
    tops = [max((float(np.prod(r.ranks)) for r in ladder[1:]), default=1.0) for ladder in ladders]

    def at(share: float) -> Choice:
        choice = []
        for ladder, top in zip(ladders, tops, strict=True):
            fitting = [i for i, r in enumerate(ladder) if r.ranks and np.prod(r.ranks) <= share * top + 1e-9]
            choice.append(min(fitting, key=lambda i: ladder[i].error) if fitting else len(ladder) - 1)
        return choice

    return _bisect(at, 1.0, 0.0, ladders, budget)


def equal(ladders: Sequence[Ladder], budget: float) -> Choice:
    """The smallest error that all layers may make alike."""

    def at(error: float) -> Choice:
        return [
            min((i for i, r in enumerate(ladder) if r.error <= error), key=lambda i: ladder[i].cost)
            for ladder in ladders
        ]

    return _bisect(at, 0.0, 2.0, ladders, budget)


def product(ladders: Sequence[Ladder], budget: float) -> Choice:
    """The largest product of the shares of energy that are kept."""
    return least([[-np.log(max(1 - r.error, KEEP)) for r in ladder] for ladder in ladders], ladders, budget)


def weighted(ladders: Sequence[Ladder], budget: float, weights: Sequence[float]) -> Choice:
    """The least sum of errors, each times the weight of its layer."""
    return least([[r.error * w for r in ladder] for ladder, w in zip(ladders, weights, strict=True)], ladders, budget)


def least(losses: Sequence[Sequence[float]], ladders: Sequence[Ladder], budget: float) -> Choice:
    """One rung a ladder with the least sum of losses within the budget.

    A multiple-choice knapsack: steps along the lower convex hulls, those that lose least for what they save first, then
    whatever room is left is spent where it regains most.
    """
    choice = [0] * len(ladders)
    steps = [
        (slope, i, rung)
        for i, (ladder, loss) in enumerate(zip(ladders, losses, strict=True))
        for slope, rung in _hull([r.cost for r in ladder], loss)
    ]
    for _, i, rung in sorted(steps):
        if within(ladders, choice) <= budget:
            break
        choice[i] = rung
    room = budget - within(ladders, choice)
    while True:
        better = [
            (losses[i][choice[i]] - losses[i][j], i, j)
            for i, ladder in enumerate(ladders)
            for j, rung in enumerate(ladder)
            if rung.cost - ladder[choice[i]].cost <= room and losses[i][j] < losses[i][choice[i]]
        ]
        if not better:
            return choice
        _, i, j = max(better)
        room -= ladders[i][j].cost - ladders[i][choice[i]].cost
        choice[i] = j


def _hull(costs: Sequence[float], losses: Sequence[float]) -> list[tuple[float, int]]:
    """Steps down the lower convex hull from the first point: (loss per cost saved, rung), slopes rising."""
    steps: list[tuple[float, int]] = []
    at = 0
    while True:
        cheaper = [j for j in range(len(costs)) if costs[j] < costs[at]]
        if not cheaper:
            return steps
        slope, _, j = min(((losses[j] - losses[at]) / (costs[at] - costs[j]), costs[j], j) for j in cheaper)
        steps.append((slope, j))
        at = j


def _bisect(
    at: Callable[[float], Choice], generous: float, stingy: float, ladders: Sequence[Ladder], budget: float
) -> Choice:
    """The choice nearest to ``generous`` that fits, between it and ``stingy``."""
    if within(ladders, at(generous)) <= budget:
        return at(generous)
    for _ in range(60):
        middle = (generous + stingy) / 2
        if within(ladders, at(middle)) <= budget:
            stingy = middle
        else:
            generous = middle
    found = at(stingy)
    return (
        found if within(ladders, found) <= budget else least([[r.error for r in x] for x in ladders], ladders, budget)
    )
