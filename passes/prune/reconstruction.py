"""Criteria that ask how well the next layers can do without a unit: least squares on what they read.

All of them work on second moments of what a convolution or matrix product reads, gathered once. Units that no such op
reads are scored by :func:`~lissom.passes.prune.magnitude.l1`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from lissom.ir.channels.atoms import Unaligned
from lissom.ir.op import Op
from lissom.ir.values import Value
from lissom.passes.least_squares.linear import WIDEST, Linear, Matrix, linear
from lissom.passes.least_squares.moments import Moments
from lissom.passes.least_squares.rows import draw, grid_of
from lissom.passes.prune.evidence import Evidence, Scores
from lissom.passes.prune.magnitude import l1
from lissom.passes.prune.select import clusters

BATCH = 32
ROWS = 16
MINIMUM = 4096
"""Rows gathered for a layer: so many for each input, and at least so many, as far as the data has them. To choose takes
fewer than to solve."""

RIDGE = 1e-3
"""Added to the diagonal, relative to its mean."""

PATH = 60
STEPS = 30
"""Penalties on the path of the LASSO, and steps towards the solution for each."""

Units: TypeAlias = npt.NDArray[np.int64]
Greedy: TypeAlias = Callable[[list["Reader"], Units], tuple[list[int], list[float]]]
"""Of the readers of some units, an order in which these go, and what each costs then."""


@dataclass(eq=False)
class Reader:
    """An op that reads units: ``units[g, k]`` stands at input k of group g, ``gram`` (groups, inputs, inputs) is the
    mean product of two inputs, ``mean`` that of one, ``matrix`` (groups, inputs, outputs) holds the weights."""

    op: Op
    units: Units
    matrix: Matrix
    gram: Matrix
    mean: Matrix
    energy: float = 1.0
    """Mean square of the outputs, summed over them: what errors are relative to."""

    def centred(self) -> Matrix:
        """The covariance of the inputs: what counts where a bias can make up for the mean."""
        return self.gram - self.mean[:, :, None] * self.mean[:, None, :]


def readers(evidence: Evidence) -> list[Reader]:
    """All linear ops with what they read on the data."""
    found = {op: lin for op in evidence.read if (lin := linear(op)) is not None}
    units = {op: _input_units(evidence, lin) for op, lin in found.items()}
    found = {
        op: lin
        for op, lin in found.items()
        if units[op] is not None and lin.x is evidence.read[op] and lin.inputs <= WIDEST
    }
    sums = {op: Moments(lin.groups, lin.inputs) for op, lin in found.items()}
    rng = np.random.default_rng(evidence.seed)
    batches = evidence.batches(BATCH)

    def gather(op: Op, x: Value, seen: torch.Tensor) -> None:
        if op not in found:
            return
        lin = found[op]
        each = -(-max(ROWS * lin.inputs, MINIMUM) // len(batches))
        sums[op].add(lin.rows(seen, draw(grid_of(op, seen), each, rng)))

    with torch.no_grad():
        for batch in batches:
            evidence.run(batch.feed, gather)
    made = []
    for op, lin in found.items():
        seen, held = sums[op], units[op]
        assert held is not None
        reader = Reader(op, held, lin.matrix(), seen.gram / seen.count, seen.total / seen.count)
        reader.energy = float(np.einsum("gko,gkl,glo->", reader.matrix, reader.centred(), reader.matrix)) or 1.0
        made.append(reader)
    return made


def thinet(evidence: Evidence) -> Scores:
    """Greedy: the unit goes whose loss, with those gone before, changes the next layers' outputs least
    (Luo et al. 2017, ThiNet, arXiv:1707.06342, algorithm 1)."""
    return _ordered(evidence, _thinet)


def lasso(evidence: Evidence) -> Scores:
    """The units whose contributions a LASSO keeps longest when it rebuilds the next layers' outputs from them
    (He et al. 2017, Channel Pruning, arXiv:1707.06168, section 3.1)."""
    return _ordered(evidence, _lasso)


def surgeon(evidence: Evidence) -> Scores:
    """Greedy: the unit goes whose loss, after least-squares recovery of all others, costs the next layers least
    (Optimal Brain Surgeon, Hassibi & Stork 1992, on units as in ZipLM, Kurtic et al. 2023, arXiv:2302.04089)."""
    return _ordered(evidence, _surgeon)


def _ordered(evidence: Evidence, greedy: Greedy) -> Scores:
    """Scores cluster by cluster: what the removal of a unit costs in its turn, and never less than those before it."""
    everything = readers(evidence)
    scores = l1(evidence)
    for cluster in clusters(evidence.solution):
        units = np.sort(cluster.units)
        mine = [r for r in everything if np.isin(r.units, units).any()]
        if mine and np.isin(units, np.concatenate([r.units.reshape(-1) for r in mine])).all():
            order, costs = greedy(mine, units)
            rising = np.maximum.accumulate(np.maximum(costs, 0))
            scores[units[order]] = rising * (1 + 1e-9 * np.arange(len(order)))
    return scores


def contributions(mine: Iterable[Reader], units: Units) -> Matrix:
    """(units, units): the mean product of what two units contribute to the outputs of all readers, relative to them."""
    total = np.zeros((len(units), len(units)))
    for reader in mine:
        for g in range(len(reader.matrix)):
            index = places(reader.units[g], units)
            product = reader.gram[g] * (reader.matrix[g] @ reader.matrix[g].T)
            spread = np.zeros((len(index), len(units)))
            inside = np.flatnonzero(index >= 0)
            spread[inside, index[inside]] = 1
            total += spread.T @ product @ spread / reader.energy
    return total


def _thinet(mine: list[Reader], units: Units) -> tuple[list[int], list[float]]:
    gram = contributions(mine, units)
    cost = np.diagonal(gram).copy()
    order, costs = [], []
    for _ in units:
        least = int(np.argmin(cost))
        order.append(least)
        costs.append(cost[least])
        cost += 2 * gram[:, least]
        cost[least] = np.inf
    return order, costs


def _lasso(mine: list[Reader], units: Units) -> tuple[list[int], list[float]]:
    """Units by the penalty at which their coefficients become zero, along a path of falling penalties."""
    gram = contributions(mine, units)
    goal = gram.sum(1)
    step = 1 / (np.linalg.eigvalsh(gram)[-1] or 1.0)
    penalties = np.abs(goal).max() * np.logspace(0, -4, PATH)
    enters = np.zeros(len(units))
    beta = np.zeros(len(units))
    for penalty in penalties:
        ahead, speed = beta, 1.0
        for _ in range(STEPS):  # FISTA (Beck & Teboulle 2009)
            moved = ahead - step * (gram @ ahead - goal)
            new = np.sign(moved) * np.maximum(np.abs(moved) - step * penalty, 0)
            faster = (1 + np.sqrt(1 + 4 * speed**2)) / 2
            ahead, beta, speed = new + (speed - 1) / faster * (new - beta), new, faster
        enters = np.maximum(enters, np.where(beta != 0, penalty * (1 + 1e-3 * np.abs(beta)), 0))
    enters += 1e-9 * np.diagonal(gram)
    order = np.argsort(enters, kind="stable").tolist()
    return order, np.diagonal(gram)[order].tolist()


def _surgeon(mine: list[Reader], units: Units) -> tuple[list[int], list[float]]:
    parts = [_Part(r, g, units) for r in mine for g in range(len(r.matrix))]
    left = np.ones(len(units), np.bool_)
    order, costs = [], []
    for _ in units:
        cost = np.sum([p.costs() for p in parts], axis=0)
        least = int(np.argmin(np.where(left, cost, np.inf)))
        order.append(least)
        costs.append(float(cost[least]))
        left[least] = False
        for p in parts:
            p.remove(least)
    return order, costs


class _Part:
    """One group of a reader while units leave it: its weights and the inverse of its inputs' covariance."""

    def __init__(self, reader: Reader, g: int, units: Units) -> None:
        index = places(reader.units[g], units)
        inside = np.flatnonzero(index >= 0)
        covariance = reader.centred()[g]
        covariance[np.diag_indices_from(covariance)] += RIDGE * (np.diagonal(reader.gram[g]).mean() or 1.0)
        self.inverse = np.linalg.inv(covariance)
        self.weights = reader.matrix[g].copy()
        self.energy = reader.energy
        self.total = len(units)
        rows: dict[int, list[int]] = {}
        for k in inside:
            rows.setdefault(int(index[k]), []).append(int(k))
        self.rows = {u: np.array(k) for u, k in rows.items()}

    def costs(self) -> Scores:
        """For each unit what the outputs lose, all other weights solved anew."""
        cost = np.zeros(self.total)
        by_size: dict[int, list[int]] = {}
        for u, k in self.rows.items():
            by_size.setdefault(len(k), []).append(u)
        for units in by_size.values():
            k = np.stack([self.rows[u] for u in units])
            blocks, w = self.inverse[k[:, :, None], k[:, None, :]], self.weights[k]
            cost[units] = np.einsum("uko,uko->u", w, np.linalg.solve(blocks, w)) / self.energy
        return cost

    def remove(self, unit: int) -> None:
        """Take a unit out and let all other weights make up for it."""
        k = self.rows.pop(unit, None)
        if k is None:
            return
        across = self.inverse[:, k]
        block = self.inverse[np.ix_(k, k)]
        self.weights -= across @ np.linalg.solve(block, self.weights[k])
        self.inverse -= across @ np.linalg.solve(block, across.T)


def places(inputs: Units, units: Units) -> Units:
    """For each input its place in ``units``, which is sorted; -1 where it is not there."""
    at = np.searchsorted(units, inputs)
    at[at == len(units)] = 0
    return np.where(units[at] == inputs, at, -1)


def _input_units(evidence: Evidence, lin: Linear) -> Units | None:
    """The unit at each input of each group of a linear op, in the order of :meth:`Linear.rows`; None where joint."""
    layout = evidence.solution.flow.layouts[lin.x]
    axis = lin.input_axis
    if layout.is_fixed(axis):
        return None
    try:
        (f,) = layout.merged(axis).axes[axis]
    except Unaligned:
        return None
    if f.channels is None or f.channels.atoms.ndim > 1:
        return None
    return lin.per_input(evidence.solution.unit[f.channels.atoms])
