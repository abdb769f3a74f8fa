"""What is left of each axis after channel removal: what ops ask when they are made anew in their smaller size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lissom.ir.channels import Atoms, Channels, Layout
from lissom.ir.dims import Dim
from lissom.ir.values import Const, Value


def extents(alive: npt.NDArray[np.bool_]) -> tuple[int, ...] | None:
    """The sizes of the box that the living positions of an array can be moved together to; None where there is none.

    Whole slices may be gone, or along one dimension, the last that fits, equally many positions in every row.
    """
    some = [alive.any(axis=tuple(j for j in range(alive.ndim) if j != i)) for i in range(alive.ndim)]
    core = alive[np.ix_(*some)]
    if core.all():
        return tuple(core.shape)
    for dim in reversed(range(alive.ndim)):
        counts = core.sum(axis=dim)
        if (counts == counts.flat[0]).all():
            sizes = list(core.shape)
            sizes[dim] = int(counts.flat[0])
            return tuple(sizes)
    return None


class Kept:
    """Sizes and counts of the axes of the old values after removal. ``alive`` says for each atom whether it stays."""

    def __init__(self, layouts: Mapping[Value, Layout], alive: npt.NDArray[np.bool_]) -> None:
        self.layouts = layouts
        self.alive = alive
        self.arranged: dict[Value, Layout] = {}
        """For old values that have been made anew, where the atoms that are left stand now."""

    def size(self, value: Value, axis: int) -> Dim:
        """The new size of an axis."""
        total: Dim = 1
        for f in self.layouts[value].axes[axis]:
            total = total * (f.size if f.channels is None else self._extents(f.channels)[f.dim])
        return total

    def shape(self, value: Value) -> tuple[Dim, ...]:
        """The new shape of a value."""
        return tuple(self.size(value, i) for i in range(self.layouts[value].rank))

    def count(self, value: Value, axis: int, start: int, stop: int) -> int:
        """How many of the positions ``start`` to ``stop`` of an axis are left."""
        if stop <= start:
            return 0
        layout = self.layouts[value]
        if layout.is_fixed(axis):
            return stop - start
        part = layout.take(axis, np.arange(start, stop))
        total = Kept({value: part}, self.alive).size(value, axis)
        assert isinstance(total, int)
        return total if part.channels or len(part.axes[axis]) > 1 or total != 1 else self._one(layout, axis, start)

    def _one(self, layout: Layout, axis: int, position: int) -> int:
        (f,) = layout.merged(axis).axes[axis]
        assert f.channels is not None
        return int(self.alive[np.take(f.channels.atoms, position, axis=f.dim)].any())

    def positions(self, value: Value, axis: int) -> npt.NDArray[np.int64]:
        """The old positions of an axis that are left, in their new order; every row of a joint array keeps the same."""
        (f,) = self.layouts[value].merged(axis).axes[axis]
        if f.channels is None:
            assert isinstance(f.size, int)
            return np.arange(f.size)
        if value in self.arranged and f.channels.atoms.ndim == 1:
            (g,) = self.arranged[value].merged(axis).axes[axis]
            if g.channels is not None and g.channels.atoms.ndim == 1:
                return _occurrences(f.channels.atoms, g.channels.atoms)
        others = tuple(i for i in range(f.channels.atoms.ndim) if i != f.dim)
        return np.flatnonzero(self.alive[f.channels.atoms].any(axis=others))

    def grouped(self, x: Value, w: Value, group: int) -> tuple[int, Value]:
        """The group count and the weights of a convolution in groups; see :meth:`lissom.ir.flow.Flow.grouped`."""
        inputs = self.positions(x, 1)
        assert isinstance(w, Const)
        if w.data.shape[1] == 1:
            rows = self.positions(w, 0)
            return len(inputs), w.replace(w.data[rows])
        each_in, each_out = w.data.shape[1], w.data.shape[0] // group
        inputs = inputs.reshape(group, -1)
        if (inputs // each_in != np.arange(group)[:, None]).any():
            raise ValueError("channels moved from one group to another")
        rows = self.positions(w, 0).reshape(group, -1)
        assert (rows // each_out == np.arange(group)[:, None]).all()
        blocks = [w.data[r][:, i % each_in] for r, i in zip(rows, inputs, strict=True)]
        return group, w.replace(np.concatenate(blocks))

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

    def _extents(self, channels: Channels) -> Sequence[int]:
        found = extents(self.alive[channels.atoms])
        if found is None:
            raise ValueError("the channels that are left make no box")
        return found


def _occurrences(old: Atoms, new: Atoms) -> npt.NDArray[np.int64]:
    """For each of ``new`` its position in ``old``; the k-th of equal ones is the k-th there."""
    places: dict[int, list[int]] = {}
    for at in range(len(old) - 1, -1, -1):
        places.setdefault(int(old[at]), []).append(at)
    return np.array([places[int(a)].pop() for a in new], np.int64)


def resized_shape(old: Value, sizes: Sequence[Dim], given: Sequence[Dim] = ()) -> Value:
    """A shape operand for ``sizes``. Symbolic ones become 0 where ``given`` has the same at the same place, one -1, and
    beyond that the elements of ``old``, the operand that computed them."""
    entries: list[int | None] = []
    for i, d in enumerate(sizes):
        same = i < len(given) and given[i] == d
        entries.append(d if isinstance(d, int) else 0 if same else None)
    if entries.count(None) == 1 and 0 not in [d for d in sizes if isinstance(d, int)]:
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
