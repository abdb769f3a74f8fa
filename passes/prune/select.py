"""Which units go: for every cluster of groups a ladder of removals to choose from, and how far down each one goes.

A ladder's rungs remove ever more units, lowest scores first, in steps that keep every balance and the multiples that
kernels like. Uniform removal goes equally far down every ladder, a ranking goes where a unit's importance costs least,
and a budget (:mod:`lissom.passes.prune.budget`) asks for more until it is met.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from lissom.ir.errors import Error
from lissom.ir.op import Op
from lissom.passes.prune.components import components
from lissom.passes.prune.solve import Balance, Group, Solution

Scores: TypeAlias = npt.NDArray[np.float64]
Units: TypeAlias = npt.NDArray[np.int64]
Removed: TypeAlias = npt.NDArray[np.bool_]

WIDE = 8
"""Rounding is for groups that have at least this many multiples: a narrow layer cannot afford it."""

FLOOR = 0.1
"""The share of a cluster that a ranking leaves at least."""


class Cluster:
    """Groups that balances tie together, or one group alone. Its *cells* are the units that stand in the same rows.

    Taking the same share of every cell keeps every balance, where that comes out in whole units.
    """

    def __init__(self, groups: list[Group], balances: list[Balance], solution: Solution) -> None:
        self.groups = groups
        self.balances = balances
        free = [(g, g.units[solution.free[g.units]]) for g in groups]
        cell: dict[int, int] = {int(u): i for i, (_, units) in enumerate(free) for u in units}
        fresh = len(free)
        for b in balances:
            split: dict[tuple[int, bytes], int] = {}
            for u, signature in _signatures(b, cell).items():
                cell[u] = split.setdefault((cell[u], signature), fresh + len(split))
            fresh += len(split)
        cells: dict[tuple[int, int], list[int]] = {}
        for i, (_, units) in enumerate(free):
            for u in units.tolist():
                cells.setdefault((i, cell[u]), []).append(u)
        self.cells = [np.array(c) for c in cells.values()]
        self.of_group = [i for i, _ in cells]
        self.units: Units = np.concatenate(self.cells) if self.cells else np.zeros(0, np.int64)
        self.even = all(_is_even(np.isin(b.rows, self.units)) for b in balances)
        """Whether all rows of every balance have equally many units here: then equal shares of cells keep it."""

    def ladder(self, scores: Scores, round_to: int = 1) -> Ladder:
        """All removals that keep the balances, nested, lowest scores first; never a whole cell."""
        ranked = [c[np.argsort(scores[c], kind="stable")] for c in self.cells]
        rungs = [np.zeros(0, np.int64)]
        least = min(map(len, ranked), default=0)
        sizes = [sum(len(c) for c, g in zip(ranked, self.of_group, strict=True) if g == i) for i in set(self.of_group)]
        rounds = round_to if min(sizes, default=0) >= WIDE * round_to else 1
        for n in range(1, least if self.even else 1):
            if any((n * len(c)) % least for c in ranked) or any((s - n * s // least) % rounds for s in sizes):
                continue
            rungs.append(np.concatenate([c[: n * len(c) // least] for c in ranked]))
        return Ladder(self, rungs, scores)


@dataclass(eq=False)
class Ladder:
    """What may be removed from one cluster, from nothing to nearly everything."""

    cluster: Cluster
    rungs: list[Units]
    scores: Scores
    gain: float = 1.0
    """What a unit's removal is worth to the budget, at first order."""

    @cached_property
    def shares(self) -> list[float]:
        """The share of the cluster's units that each rung removes."""
        return [len(r) / max(len(self.cluster.units), 1) for r in self.rungs]

    @cached_property
    def losses(self) -> list[float]:
        """The importance that each rung gives up."""
        return [float(self.scores[r].sum()) for r in self.rungs]

    def lowest(self, ratio: float) -> int:
        """The last rung that removes at most ``ratio``."""
        return max(i for i, share in enumerate(self.shares) if share <= ratio + 1e-9)

    def cheapest(self, price: float, floor: float = FLOOR) -> int:
        """The rung with the least importance given up, less ``price`` for what it gains."""
        last = self.lowest(1 - floor)
        worth = [loss - price * self.gain * len(r) for loss, r in zip(self.losses, self.rungs, strict=True)]
        return int(np.argmin(worth[: last + 1]))

    def prices(self) -> list[float]:
        """The prices at which :meth:`cheapest` may change."""
        steps = zip(self.losses, self.losses[1:], self.rungs, self.rungs[1:], strict=False)
        return [(b - a) / (self.gain * (len(v) - len(u))) for a, b, u, v in steps]


Choice: TypeAlias = list[int]
"""A rung for each ladder."""


def removed(solution: Solution, ladders: Sequence[Ladder], choice: Choice) -> Removed:
    """The units that a choice removes."""
    gone = np.zeros(solution.count, np.bool_)
    for ladder, rung in zip(ladders, choice, strict=True):
        gone[ladder.rungs[rung]] = True
    return gone


@dataclass(frozen=True)
class Policy:
    """How a demand for more is shared among ladders: ``choose(level)`` for rising ``levels`` removes ever more."""

    levels: list[float]
    choose: Callable[[float], Choice]


def uniform(ladders: Sequence[Ladder]) -> Policy:
    """The same ratio everywhere."""
    levels = sorted({share for ladder in ladders for share in ladder.shares})
    return Policy(levels, lambda ratio: [ladder.lowest(ratio) for ladder in ladders])


def ranked(ladders: Sequence[Ladder], floor: float = FLOOR) -> Policy:
    """All units in one ranking: importance given up for what is gained costs the same everywhere."""
    levels = sorted({0.0, *(price for ladder in ladders for price in ladder.prices() if price > 0)})
    if levels[1:]:
        levels.append(levels[-1] * (1 + 1e-9))
    return Policy(levels, lambda price: [ladder.cheapest(price, floor) for ladder in ladders])


def named(solution: Solution, clusters_: Sequence[Cluster], ratios: Mapping[str, float]) -> dict[int, float]:
    """For each cluster that a pattern names its ratio; the last pattern that fits counts.

    A cluster goes by the names of the weights its channels come from, and of the ops that read these.
    Raises Error for a pattern that names none.
    """
    names = [list(names_of(solution, c.groups)) for c in clusters_]
    found: dict[int, float] = {}
    for pattern, ratio in ratios.items():
        hits = [i for i, known in enumerate(names) if any(fnmatchcase(n, pattern) for n in known)]
        if not hits:
            known = ", ".join(n[0] for n in names if n)
            raise Error(f"no channels that could be removed come from {pattern!r}; there are those of {known}")
        found.update(dict.fromkeys(hits, ratio))
    return found


def names_of(solution: Solution, groups: Sequence[Group]) -> dict[str, None]:
    """Names of the weights that give the channels of groups, and of their ops, in the order of the graph."""
    held = {p.const: None for g in groups for p in g.places if p.const.data.ndim > 1}
    units = np.concatenate([g.units for g in groups])
    names: dict[str, None] = {}
    for const in held:
        for op in const.users:
            if gives(solution, op, units):
                names[const.name] = names[op.name] = None
    return names


def gives(solution: Solution, op: Op, units: Units) -> bool:
    """Whether units are channels of the result of ``op``."""
    layout = solution.flow.layouts.get(op)
    return layout is not None and any(np.isin(solution.unit[c.atoms], units).any() for c in layout.channels)


def clusters(solution: Solution) -> list[Cluster]:
    """The groups of a solution that have free units, joined where a balance has units of several."""
    groups = [g for g in solution.groups if solution.free[g.units].any()]
    group_of = np.full(solution.count, -1)
    for i, g in enumerate(groups):
        group_of[g.units] = i
    left: list[int] = []
    right: list[int] = []
    touched: list[npt.NDArray[np.int64]] = []
    for b in solution.balances:
        members = np.unique(group_of[b.rows])
        members = members[members >= 0]
        touched.append(members)
        left += [int(members[0])] * len(members) if len(members) else []
        right += members.tolist()
    label = components(len(groups), left, right)
    count = int(label.max(initial=-1)) + 1
    joined: list[list[Group]] = [[] for _ in range(count)]
    for g, c in zip(groups, label, strict=True):
        joined[c].append(g)
    balances: list[list[Balance]] = [[] for _ in range(count)]
    for b, members in zip(solution.balances, touched, strict=True):
        if len(members):
            balances[label[members[0]]].append(b)
    return [Cluster(g, b, solution) for g, b in zip(joined, balances, strict=True)]


def _signatures(balance: Balance, units: Container[int]) -> dict[int, bytes]:
    """For each of ``units`` in a balance the rows it is in, and how often; empty where it is in all rows alike."""
    count, width = balance.rows.shape
    unit = balance.rows.reshape(-1)
    row = np.repeat(np.arange(count), width)
    pairs, times = np.unique(np.stack([unit, row], 1), axis=0, return_counts=True)
    places = np.column_stack([pairs[:, 1], times])
    starts = np.flatnonzero(np.r_[True, np.diff(pairs[:, 0]) > 0])
    found = {}
    for start, end in pairwise([*starts.tolist(), len(pairs)]):
        if (u := int(pairs[start, 0])) in units:
            everywhere = end - start == count and (times[start:end] == times[start]).all()
            found[u] = b"" if everywhere else places[start:end].tobytes()
    return found


def _is_even(inside: npt.NDArray[np.bool_]) -> bool:
    counts = inside.sum(axis=1)
    return bool((counts == counts[0]).all())
