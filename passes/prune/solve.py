"""Which channels of a graph can be removed, and with which others: the solution of a
:class:`~lissom.ir.channels.flow.Flow`.

Tied atoms make a *unit*, which lives and dies as one. Units in the same axes of the same weights make a *group*.
A *balance* is a matrix of units whose rows must lose equally many: groups of a convolution, heads that keep some width.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from lissom.ir.channels.flow import Flow, Freeze
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.values import Const, Value
from lissom.passes.prune.components import components

Units: TypeAlias = npt.NDArray[np.int64]
Pin: TypeAlias = tuple[Op, str]
"""Who keeps the size of a dimension, and why."""


@dataclass(frozen=True, eq=False)
class Place:
    """One axis of a constant, and the unit of each of its positions."""

    const: Const
    axis: int
    units: Units


@dataclass(frozen=True, eq=False)
class Group:
    """Units that occur at the same places. ``frozen`` says why its other units must stay, where there are some."""

    units: Units
    places: tuple[Place, ...]
    frozen: tuple[Freeze, ...] = ()


@dataclass(frozen=True, eq=False)
class Balance:
    """``rows[i, j]``: the unit at place j of part i; all parts must lose equally many places."""

    rows: Units


@dataclass(eq=False)
class Solution:
    """Units, groups and balances of a graph."""

    flow: Flow
    unit: Units
    """The unit of each atom."""
    count: int
    frozen: dict[int, Freeze] = field(default_factory=dict)
    """Units that must stay, each with one of the reasons."""

    @cached_property
    def places(self) -> list[Place]:
        """All axes of constants that have channels."""
        found = []
        for v, layout in self.flow.layouts.items():
            if isinstance(v, Const):
                for axis in range(layout.rank):
                    for f in layout.axes[axis]:
                        if f.channels is not None:
                            found.append(Place(v, axis, self.unit[f.channels.atoms]))
        return found

    @cached_property
    def free(self) -> npt.NDArray[np.bool_]:
        """For each unit whether it may be removed."""
        free = np.zeros(self.count, np.bool_)
        for place in self.places:
            free[place.units] = True
        free[list(self.frozen)] = False
        return free

    @cached_property
    def groups(self) -> list[Group]:
        """Units by the places they occur at, in the order of the graph; groups that are frozen as a whole come too."""
        pairs = [np.stack([np.unique(p.units), np.full(len(np.unique(p.units)), i)]) for i, p in enumerate(self.places)]
        if not pairs:
            return []
        table = np.concatenate(pairs, axis=1)
        table = table[:, np.lexsort((table[1], table[0]))]
        starts = np.flatnonzero(np.r_[True, np.diff(table[0]) > 0])
        by_places: dict[bytes, list[int]] = {}
        for start, end in zip(starts, np.r_[starts[1:], table.shape[1]], strict=True):
            by_places.setdefault(table[1, start:end].tobytes(), []).append(int(table[0, start]))
        groups = []
        for key, units in by_places.items():
            places = tuple(self.places[i] for i in np.frombuffer(key, np.int64))
            reasons = {self.frozen[u].reason: self.frozen[u] for u in units if u in self.frozen}
            groups.append(Group(np.array(units), places, tuple(reasons.values())))
        first = {id(p): i for i, p in enumerate(self.places)}
        return sorted(groups, key=lambda g: min(first[id(p)] for p in g.places))

    @cached_property
    def balances(self) -> list[Balance]:
        """Conditions of equal loss, each once."""
        found: dict[tuple[bytes, tuple[int, ...]], Balance] = {}
        for units, pins in self.joint:
            free = [d for d, pin in enumerate(pins) if pin is None]
            if units.ndim > 1 and free:
                rows = np.moveaxis(units, free[-1], -1).reshape(-1, units.shape[free[-1]])
                if self.free[rows].any():
                    found.setdefault((rows.tobytes(), rows.shape), Balance(rows))
        return list(found.values())

    @cached_property
    def joint(self) -> list[tuple[Units, list[Pin | None]]]:
        """Each array of units that lies over several factors, and for its dimensions who keeps their size.

        Dimensions along which all units are the same are left out.
        """
        found: dict[tuple[bytes, tuple[int, ...]], tuple[Units, list[Pin | None]]] = {}
        for channels in self.flow.joint:
            units = self.unit[channels.atoms]
            pins: list[Pin | None] = []
            for dim in reversed(range(units.ndim)):
                if (units == units.take([0], dim)).all():
                    units = np.take(units, 0, axis=dim).reshape(np.delete(units.shape, dim))
                else:
                    pins.insert(0, self.flow.pinned(channels, dim))
            if units.ndim:
                _, known = found.setdefault((units.tobytes(), units.shape), (units, pins))
                known[:] = [a or b for a, b in zip(known, pins, strict=True)]
        return list(found.values())

    def slices(self) -> list[tuple[Units, Units]]:
        """Units to tie so that what is left keeps its order: dimensions inside of the one that shrinks go in slices."""
        ties = []
        for units, pins in self.joint:
            free = [d for d, pin in enumerate(pins) if pin is None]
            if free and free[-1] < units.ndim - 1:
                inside = units.reshape(int(np.prod(units.shape[: free[-1] + 1])), -1)
                left, right = np.broadcast_arrays(inside[:, :1], inside)
                ties.append((left.reshape(-1), right.reshape(-1)))
        return ties

    def members(self, unit: int) -> list[tuple[Value, int]]:
        """Every value and axis that a unit occurs in."""
        found = []
        for v, layout in self.flow.layouts.items():
            for axis, factors in enumerate(layout.axes):
                if any(f.channels is not None and (self.unit[f.channels.atoms] == unit).any() for f in factors):
                    found.append((v, axis))
        return found


def solve(graph: Graph, *, heads: bool = True) -> Solution:
    """Walk the graph and solve for its units. Near linear in the number of atoms."""
    flow = Flow(graph, heads=heads).walk()
    if flow.ties:
        left = np.concatenate([a for a, _ in flow.ties])
        right = np.concatenate([b for _, b in flow.ties])
    else:
        left = right = np.zeros(0, np.int64)
    solution = _solution(flow, left, right)
    while ties := solution.slices():
        first = np.unique(solution.unit, return_index=True)[1]  # an atom of each unit
        left = np.concatenate([left, *(first[a] for a, _ in ties)])
        right = np.concatenate([right, *(first[b] for _, b in ties)])
        solution = _solution(flow, left, right)
    for freeze in flow.freezes:
        for u in np.unique(solution.unit[freeze.atoms]):
            solution.frozen.setdefault(int(u), freeze)
    for units, pins in solution.joint:
        if pins and all(pins):
            op, reason = pins[0] or (None, "")
            for u in np.unique(units):
                solution.frozen.setdefault(int(u), Freeze(np.flatnonzero(solution.unit == u), op, reason))
    return solution


def _solution(flow: Flow, left: Units, right: Units) -> Solution:
    unit = components(flow.count, left, right)
    return Solution(flow, unit, int(unit.max(initial=-1)) + 1)


def why(freeze: Freeze) -> str:
    """A reason in words, with the op that gives it and where that comes from."""
    return freeze.reason if freeze.op is None else f"{freeze.reason} [{freeze.op.describe()}]"
