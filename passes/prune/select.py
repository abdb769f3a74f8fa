"""Which units go: the lowest scores of each group, as many as asked for, in step with the balances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from lissom.passes.prune.components import components
from lissom.passes.prune.solve import Balance, Group, Solution

Scores = npt.NDArray[np.float64]


class Cluster:
    """Groups that balances tie together, or one group alone. Its *cells* are the units that stand in the same rows.

    Taking the same share of every cell keeps every balance, where that comes out in whole units.
    """

    def __init__(self, groups: list[Group], balances: list[Balance], solution: Solution) -> None:
        self.groups = groups
        self.balances = balances
        free = [(g, g.units[solution.free[g.units]]) for g in groups]
        keys: dict[int, tuple[bytes, ...]] = {int(u): () for _, units in free for u in units}
        for b in balances:
            for u, row_counts in _rows_of(b, keys).items():
                if (row_counts != row_counts[0]).any():
                    keys[u] = (*keys[u], row_counts.tobytes())
                else:
                    keys[u] = (*keys[u], b"")
        cells: dict[tuple[int, tuple[bytes, ...]], list[int]] = {}
        for i, (_, units) in enumerate(free):
            for u in units:
                cells.setdefault((i, keys[int(u)]), []).append(int(u))
        self.cells = [np.array(c) for c in cells.values()]
        self.of_group = [i for i, _ in cells]
        self.size = sum(len(c) for c in self.cells)

    def lowest(self, ratio: float, scores: Scores, round_to: int = 1) -> npt.NDArray[np.int64]:
        """The units to remove for ``ratio``: of each cell the same share, lowest scores first; or none."""
        ranked = [c[np.argsort(scores[c], kind="stable")] for c in self.cells]
        for share in self._shares(ratio, round_to):
            counts = [_whole(share * len(c)) for c in ranked]
            if any(n is None for n in counts):
                continue
            taken = [c[:n] for c, n in zip(ranked, counts, strict=True)]
            units = np.concatenate(taken) if taken else np.zeros(0, np.int64)
            if self.keeps_balance(units):
                return units
        return np.zeros(0, np.int64)

    def _shares(self, ratio: float, round_to: int) -> Iterable[float]:
        """Shares to try, from the one asked for downwards: those that remove whole units from the smallest cell."""
        least = min((len(c) for c in self.cells), default=0)
        in_group = [
            sum(len(c) for c, g in zip(self.cells, self.of_group, strict=True) if g == i) for i in set(self.of_group)
        ]
        rounds = round_to if min(in_group, default=0) >= 8 * round_to else 1
        if not least:
            return
        for n in range(min(int(np.floor(ratio * least + 1e-9)), least - 1), 0, -1):
            if rounds == 1 or all((total - n * total // least) % rounds == 0 for total in in_group):
                yield n / least

    def keeps_balance(self, units: npt.NDArray[np.int64]) -> bool:
        """Whether all rows of every balance lose equally many."""
        for b in self.balances:
            counts = np.isin(b.rows, units).sum(axis=1)
            if (counts != counts[0]).any():
                return False
        return True


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


def uniform(solution: Solution, scores: Scores, ratio: float, round_to: int = 1) -> npt.NDArray[np.bool_]:
    """Remove ``ratio`` of every group."""
    return per_cluster(solution, scores, dict.fromkeys(range(len(clusters(solution))), ratio), round_to)


def per_cluster(
    solution: Solution, scores: Scores, ratios: Mapping[int, float], round_to: int = 1
) -> npt.NDArray[np.bool_]:
    """Remove a share of its own of each cluster, by index."""
    removed = np.zeros(solution.count, np.bool_)
    for i, cluster in enumerate(clusters(solution)):
        if ratios.get(i):
            removed[cluster.lowest(ratios[i], scores, round_to)] = True
    return removed


def _whole(x: float) -> int | None:
    n = round(x)
    return n if abs(x - n) < 1e-6 else None


def _rows_of(balance: Balance, units: Mapping[int, object]) -> dict[int, npt.NDArray[np.int64]]:
    """For each unit of a balance, how many places it has in each row."""
    rows, counts = balance.rows, len(balance.rows)
    found: dict[int, npt.NDArray[np.int64]] = {}
    for i, row in enumerate(rows):
        for u in row.tolist():
            if u in units:
                found.setdefault(u, np.zeros(counts, np.int64))[i] += 1
    return found
