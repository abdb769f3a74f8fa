"""What is left of each axis after channel removal: what ops ask when they are made anew in their smaller size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from lissom.ir.channels.atoms import Atoms, Channels, Layout, Unaligned
from lissom.ir.dims import Dim
from lissom.ir.types import Array
from lissom.ir.values import Const, Value

Places: TypeAlias = npt.NDArray[np.int64]
"""Flat positions in an array of atoms, in the shape of the box of those that are left."""


def box(alive: npt.NDArray[np.bool_]) -> Places | None:
    """Where the living positions of an array are, moved together to a box; None where they make none.

    Whole slices may be gone, or along one dimension, the last that fits, equally many positions in every row.
    """
    some = [alive.any(axis=tuple(j for j in range(alive.ndim) if j != i)) for i in range(alive.ndim)]
    core = np.ix_(*some)
    flat: Places = np.arange(alive.size).reshape(alive.shape)[core]
    if alive[core].all():
        return flat
    for dim in reversed(range(alive.ndim)):
        living = np.moveaxis(alive[core], dim, -1)
        counts = living.sum(axis=-1)
        if (counts == counts.flat[0]).all():
            rows = np.moveaxis(flat, dim, -1)[living]
            turned: Places = np.moveaxis(rows.reshape(*living.shape[:-1], -1), -1, dim)
            return turned
    return None


class Kept:
    """Sizes and counts of the axes of the old values after removal.

    ``alive`` says for each atom whether it stays, ``unit`` which atoms live and die together.
    """

    def __init__(self, layouts: Mapping[Value, Layout], alive: npt.NDArray[np.bool_], unit: Atoms) -> None:
        self.layouts = layouts
        self.alive = alive
        self.unit = unit
        self.arranged: dict[Value, Layout] = {}
        """For old values that have been made anew, where the atoms that are left stand now."""
        self.made: dict[Value, Layout] = {}
        """Layouts of constants that were made on the way."""

    def size(self, value: Value, axis: int) -> Dim:
        """The new size of an axis."""
        return self.size_of(self.layouts[value], axis)

    def size_of(self, layout: Layout, axis: int) -> Dim:
        """The new size of an axis of an old layout."""
        total: Dim = 1
        for f in layout.axes[axis]:
            total = total * (f.size if f.channels is None else self._box(f.channels).shape[f.dim])
        return total

    def shape(self, value: Value) -> tuple[Dim, ...]:
        """The new shape of a value."""
        return tuple(self.size(value, i) for i in range(self.layouts[value].rank))

    def count(self, value: Value, axis: int, start: int, stop: int) -> int:
        """How many of the positions ``start`` to ``stop`` of an axis are left."""
        if stop <= start or self.layouts[value].is_fixed(axis):
            return max(stop - start, 0)
        (f,) = self.layouts[value].merged(axis).axes[axis]
        if f.channels is None:
            return stop - start
        part = self.alive[np.take(f.channels.atoms, np.arange(start, stop), axis=f.dim)]
        found = box(part)
        assert found is not None
        return int(found.shape[f.dim])

    def positions(self, value: Value, axis: int) -> npt.NDArray[np.int64]:
        """The old positions of an axis that are left, in their new order.

        Where what is left differs along another axis that shares the channels, those left anywhere, in their old order.
        """
        rows = self._rows(value, axis)
        return rows[0] if (rows == rows[:1]).all() else np.unique(rows)

    def where(self, value: Value, axis: int, at: Iterable[int]) -> npt.NDArray[np.int64]:
        """Where the old positions ``at`` of an axis stand now, without those that are gone.

        Along other axes that share the channels this must be the same everywhere; raises ValueError where it is not.
        """
        found, wanted = [], list(map(int, at))
        for row in self._rows(value, axis):
            now = {int(old): new for new, old in enumerate(row)}
            found.append([now[old] for old in wanted if old in now])
        if any(places != found[0] for places in found):
            raise ValueError("what is left stands at different places along another axis")
        return np.array(found[0] if found else [], np.int64)

    def _rows(self, value: Value, axis: int) -> npt.NDArray[np.int64]:
        """:meth:`positions` for each place along the other axes that share the channels."""
        layout, places = self._places(value)
        held = dict.fromkeys(f.channels for f in layout.axes[axis] if f.channels is not None)
        if all(_lies_in(layout, axis, c) for c in held):
            return _grid(layout, [axis], places).reshape(1, -1)
        layout, places = self._places(value, axis)
        (f,) = layout.axes[axis]
        assert f.channels is not None
        at = np.unravel_index(places[f.channels], f.channels.atoms.shape)[f.dim]
        return np.moveaxis(at, f.dim, -1).reshape(-1, at.shape[f.dim])

    def compact(self, value: Value, data: Array) -> Array:
        """What is left of ``data``, which has the old sizes of ``value`` or 1 on each axis, in the new order."""
        layout, places = self._places(value)
        moving = [i for i in range(layout.rank) if not layout.is_fixed(i) and data.shape[i] > 1]
        if not moving:
            return data
        full = [
            n for i in range(layout.rank) if isinstance(n := layout.size(i), int) and self._coupled(layout, i, moving)
        ]
        axes = [i for i in range(layout.rank) if self._coupled(layout, i, moving)]
        grid = _grid(layout, axes, places)
        front = np.moveaxis(data, axes, range(len(axes)))
        rest = front.shape[len(axes) :]
        flat = np.broadcast_to(front, (*full, *rest)).reshape(int(np.prod(full)), *rest)
        left = flat[grid.reshape(-1)].reshape(*grid.shape, *rest)
        whole = np.moveaxis(left, range(len(axes)), axes)
        for i in axes:
            if data.shape[i] == 1 and whole.shape[i] > 1 and (whole == whole.take([0], i)).all():
                whole = whole.take([0], i)
        return whole

    def _coupled(self, layout: Layout, axis: int, moving: Sequence[int]) -> bool:
        held = {f.channels for f in layout.axes[axis] if f.channels is not None}
        return axis in moving or any(f.channels in held for i in moving for f in layout.axes[i])

    def mask(self, value: Value) -> npt.NDArray[np.bool_]:
        """Which positions of a value are left, of the value's rank, with size 1 on axes that lose none."""
        layout = self.layouts[value]
        moving = [any(f.channels is not None for f in axis) for axis in layout.axes]
        flat = [f for axis, moves in zip(layout.axes, moving, strict=True) if moves for f in axis]
        full = [f.size for f in flat if isinstance(f.size, int)]
        mask = np.ones([1] * len(flat), np.bool_)
        for c in layout.channels:
            places = {f.dim: i for i, f in enumerate(flat) if f.channels is c}
            shape = [1] * len(flat)
            for d, i in places.items():
                shape[i] = c.atoms.shape[d]
            order = sorted(places, key=lambda d: places[d])
            mask = mask & self.alive[c.atoms].transpose(order).reshape(shape)
        sizes = [layout.size(i) if moves else 1 for i, moves in enumerate(moving)]
        whole: npt.NDArray[np.bool_] = np.broadcast_to(mask, full).reshape([n for n in sizes if isinstance(n, int)])
        return whole

    # ---- where what is left stands

    def _box(self, channels: Channels) -> Places:
        found = box(self.alive[channels.atoms])
        if found is None:
            raise ValueError("the channels that are left make no box")
        return found

    def _places(self, value: Value, axis: int | None = None) -> tuple[Layout, dict[Channels, Places]]:
        """The layout of an old value and, for each of its arrays of atoms, where what is left of it stood.

        A value that has been made anew shows its order; other ones keep theirs. ``axis`` becomes one factor.
        """
        old, new = self.layouts[value], self.arranged.get(value)
        if axis is not None:
            old, new = old.merged(axis), new and new.merged(axis)
        if new is not None:
            for a, b in ((old, new), (_merged(old), _merged(new))):
                if (found := self._matched(a, b)) is not None:
                    return a, found
        return old, {c: self._box(c) for c in old.channels}

    def _matched(self, old: Layout, new: Layout) -> dict[Channels, Places] | None:
        ours = [(i, f) for i, axis in enumerate(old.axes) for f in axis if f.channels is not None]
        theirs = [(i, f) for i, axis in enumerate(new.axes) for f in axis if f.channels is not None]
        if [i for i, _ in ours] != [i for i, _ in theirs]:
            return None
        turned: dict[Channels, tuple[Channels, dict[int, int]]] = {}
        for (_, f), (_, g) in zip(ours, theirs, strict=True):
            assert f.channels is not None
            assert g.channels is not None
            other, dims = turned.setdefault(f.channels, (g.channels, {}))
            if other is not g.channels or f.dim in dims:
                return None
            dims[f.dim] = g.dim
        found = {}
        for c, (other, dims) in turned.items():
            if len(dims) != c.atoms.ndim or len(dims) != other.atoms.ndim:
                return None
            atoms = other.atoms.transpose([dims[d] for d in range(len(dims))])
            places = _occurrences(c.atoms, atoms)
            if places is None and (atoms >= 0).all():
                places = _occurrences(self.unit[c.atoms], self.unit[atoms])
            if places is None:
                return None
            found[c] = places
        return found


def _merged(layout: Layout) -> Layout:
    for axis in range(layout.rank):
        try:
            layout = layout.merged(axis)
        except Unaligned:
            continue
    return layout


def _lies_in(layout: Layout, axis: int, channels: Channels) -> bool:
    return sum(f.channels is channels for f in layout.axes[axis]) == channels.atoms.ndim


def _grid(layout: Layout, axes: Sequence[int], places: Mapping[Channels, Places]) -> npt.NDArray[np.int64]:
    """For each new position on ``axes`` the flat old one. No array of atoms lies in other axes too."""
    factors = [list(layout.axes[i]) for i in axes]
    flat = [f for axis in factors for f in axis]
    sizes = [f.size for f in flat if isinstance(f.size, int)]
    grid = np.arange(int(np.prod(sizes))).reshape(sizes)
    for c in dict.fromkeys(f.channels for f in flat if f.channels is not None):
        at = {f.dim: i for i, f in enumerate(flat) if f.channels is c}
        order = [at[d] for d in range(c.atoms.ndim)]
        front = np.moveaxis(grid, order, range(len(order)))
        rest = front.shape[len(order) :]
        left = front.reshape(-1, *rest)[places[c].reshape(-1)].reshape(*places[c].shape, *rest)
        grid = np.moveaxis(left, range(len(order)), order)
    ends = np.cumsum([0, *map(len, factors)])
    return grid.reshape([int(np.prod(grid.shape[a:b])) for a, b in pairwise(ends)])


def _occurrences(old: Atoms, new: Atoms) -> Places | None:
    """For each of ``new`` its position in ``old``; the k-th of equal ones is the k-th there. None where one is not."""
    places: dict[int, list[int]] = {}
    for at, atom in reversed(list(enumerate(old.reshape(-1).tolist()))):
        places.setdefault(atom, []).append(at)
    found = []
    for atom in new.reshape(-1).tolist():
        if not places.get(atom):
            return None
        found.append(places[atom].pop())
    return np.array(found, np.int64).reshape(new.shape)


def resized_shape(old: Value, sizes: Sequence[Dim], given: Sequence[Dim] | None = None) -> Value:
    """A shape operand for ``sizes``: numbers, and for symbolic ones the elements of ``old``, which computed them.

    ``given`` is the shape that a Reshape is applied to: 0 then stands for the same size at the same place, -1 for one
    that follows from the others.
    """
    entries: list[int | None] = [d if isinstance(d, int) else None for d in sizes]
    if given is not None and 0 not in entries:
        entries = [
            0 if e is None and d in given[i : i + 1] else e for i, (e, d) in enumerate(zip(entries, sizes, strict=True))
        ]
        if entries.count(None) == 1:
            entries = [-1 if e is None else e for e in entries]
    if None not in entries:
        return Const(np.array(entries, np.int64), old.name)
    from lissom.ir.ops.concat import Concat
    from lissom.ir.ops.gather import Gather

    parts = [
        Gather(old, Const(np.array([i], np.int64))) if e is None else Const(np.array([e], np.int64))
        for i, e in enumerate(entries)
    ]
    return Concat(tuple(parts), 0)
