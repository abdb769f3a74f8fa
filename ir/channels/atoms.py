"""Where the channels of a value are: the ground of channel removal.

Every index of a weight's axis is an *atom*, a number of its own. A :class:`Layout` says, for each axis of a value,
which atoms stand at its positions. Ops that move elements move atoms in the same way, so concatenation, split, channel
shuffle, pixel shuffle, fused qkv and the flatten before a linear layer need no cases of their own.

An axis is a product of factors, outermost first: what ``flatten`` makes of (C, H, W) has the factors C, H and W.
A factor either is fixed, or is one dimension of an array of atoms, :class:`Channels`. Splitting an axis of 12
atoms into (3, 4) makes two factors that share a 3 x 4 array: a position of both together is what one atom stands for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from lissom.ir import dims
from lissom.ir.dims import Dim
from lissom.ir.types import Shape

Atoms: TypeAlias = npt.NDArray[np.int64]


class Unaligned(Exception):
    """Factors of two axes do not meet: no common refinement exists."""


@dataclass(frozen=True, eq=False)
class Channels:
    """Atoms over one or several factors; ``atoms`` has one dimension for each.

    Where they were made out of others, ``source`` is those, and for each dimension the ones it comes from.
    """

    atoms: Atoms
    source: tuple[Channels, Sequence[Sequence[int]]] | None = None


@dataclass(frozen=True, eq=False)
class Factor:
    """A part of an axis: ``size`` positions, dimension ``dim`` of ``channels``; fixed where that is None."""

    size: Dim
    channels: Channels | None = None
    dim: int = 0


Axis: TypeAlias = tuple[Factor, ...]


@dataclass(frozen=True, eq=False)
class Layout:
    """The factors of each axis of a value."""

    axes: tuple[Axis, ...]

    @staticmethod
    def fixed(shape: Shape) -> Layout:
        """A layout without channels."""
        return Layout(tuple((Factor(d),) for d in shape))

    @property
    def rank(self) -> int:
        return len(self.axes)

    @property
    def channels(self) -> list[Channels]:
        """The arrays of atoms that lie in this layout, each once."""
        return list(dict.fromkeys(f.channels for axis in self.axes for f in axis if f.channels is not None))

    def size(self, axis: int) -> Dim:
        return dims.product(tuple(f.size for f in self.axes[axis]))

    @property
    def shape(self) -> Shape:
        return tuple(map(self.size, range(self.rank)))

    def is_fixed(self, axis: int) -> bool:
        return all(f.channels is None for f in self.axes[axis])

    def with_axis(self, axis: int, factors: Axis) -> Layout:
        """A copy with the factors of one axis exchanged; channels that lie in other axes too must not change."""
        return Layout((*self.axes[:axis], factors, *self.axes[axis + 1 :]))

    def permute(self, order: Sequence[int]) -> Layout:
        """Transpose."""
        return Layout(tuple(self.axes[i] for i in order))

    def drop(self, axes: Iterable[int]) -> Layout:
        """Without some axes, which have no channels."""
        gone = set(axes)
        return Layout(tuple(axis for i, axis in enumerate(self.axes) if i not in gone))

    def insert(self, axis: int, size: Dim = 1) -> Layout:
        """With a fixed axis put in at ``axis``."""
        return Layout((*self.axes[:axis], (Factor(size),), *self.axes[axis:]))

    def swap(self, old: Channels, new: Channels) -> Layout:
        """With one array of atoms in the place of another of the same shape."""
        return Layout(
            tuple(tuple(Factor(f.size, new, f.dim) if f.channels is old else f for f in axis) for axis in self.axes)
        )

    def reshape(self, shape: Shape) -> Layout:
        """The same elements in another shape; raises Unaligned where the boundaries of factors do not meet."""
        try:
            return self._reshape(shape)
        except Unaligned:
            layout = self
            for axis in range(self.rank):
                layout = layout.merged(axis)
            return layout._reshape(shape)

    def _reshape(self, shape: Shape) -> Layout:
        rest = [f for axis in self.squeezed().axes for f in axis if f.size != 1]
        done: list[Axis] = []
        for d in shape:
            axis: list[Factor] = []
            wanted = d
            while wanted != 1:
                if not rest:
                    raise Unaligned
                head = rest.pop(0)
                quotient = dims.divides(wanted, head.size)
                if quotient is None:
                    inner = dims.divides(head.size, wanted)
                    if inner is None:
                        raise Unaligned
                    everything, (head, tail) = _split(
                        [*axis, *(f for a in done for f in a), *rest], head, wanted, inner
                    )
                    axis, everything = everything[: len(axis)], everything[len(axis) :]
                    done, everything = _regroup(done, everything)
                    rest = [tail, *everything]
                    quotient = 1
                axis.append(head)
                wanted = quotient
            done.append(tuple(axis) or (Factor(1),))
        if rest:
            raise Unaligned
        return Layout(tuple(done))

    def squeezed(self) -> Layout:
        """Without the dimensions of size 1 of its arrays of atoms, whose factors are no factors."""
        layout = self
        for c in self.channels:
            if 1 in c.atoms.shape:
                layout = layout._without_ones(c)
        return layout

    def _without_ones(self, old: Channels) -> Layout:
        left = [i for i, n in enumerate(old.atoms.shape) if n != 1]
        new = Channels(old.atoms.squeeze(), (old, [[d] for d in left]))

        def squeezed(f: Factor) -> Factor:
            if f.channels is not old:
                return f
            return Factor(f.size, new, left.index(f.dim)) if f.dim in left else Factor(f.size)

        return Layout(tuple(tuple(map(squeezed, axis)) for axis in self.axes))

    def merged(self, axis: int) -> Layout:
        """With ``axis`` as a single factor, its atoms one by one.

        Raises Unaligned where that cannot be: two independent arrays of atoms in one axis, or a size that is no number.
        """
        if any(1 in f.channels.atoms.shape for f in self.axes[axis] if f.channels is not None):
            return self.squeezed().merged(axis)
        factors = [f for f in self.axes[axis] if f.size != 1]
        if len(factors) <= 1:
            return self.with_axis(axis, tuple(factors) or (Factor(1),))
        held = list(dict.fromkeys(f.channels for f in factors if f.channels is not None))
        if not held:
            return self.with_axis(axis, (Factor(self.size(axis)),))
        if len(held) > 1 or not all(isinstance(f.size, int) for f in factors):
            raise Unaligned
        (old,) = held
        inside = [f.dim for f in factors if f.channels is old]
        outside = [i for i in range(old.atoms.ndim) if i not in inside]
        atoms = old.atoms.transpose([*outside, *inside])
        # Fixed factors between those of the array repeat its atoms.
        index: tuple[Any, ...] = (slice(None),) * len(outside)
        index += tuple(slice(None) if f.channels is old else None for f in factors)
        sizes = [f.size for f in factors]
        full = np.broadcast_to(atoms[index], (*(atoms.shape[: len(outside)]), *sizes))  # type: ignore[arg-type]
        flat = np.ascontiguousarray(full.reshape(*atoms.shape[: len(outside)], -1))
        new = Channels(flat, (old, [*([d] for d in outside), inside]))
        axes = [(Factor(self.size(axis), new, len(outside)),) if i == axis else a for i, a in enumerate(self.axes)]
        for i, a in enumerate(axes):
            if i != axis:
                axes[i] = tuple(Factor(f.size, new, outside.index(f.dim)) if f.channels is old else f for f in a)
        return Layout(tuple(axes))

    def take(self, axis: int, index: npt.NDArray[np.int64]) -> Layout:
        """The positions ``index`` of ``axis``, in that order; raises Unaligned as :meth:`merged` does."""
        one = self.merged(axis)
        (f,) = one.axes[axis]
        if f.channels is None:
            return one.with_axis(axis, (Factor(len(index)),))
        if len(index) == 1:
            return one.pick(f.channels, f.dim, int(index[0])).with_axis(axis, (Factor(1),))
        new = Channels(
            np.take(f.channels.atoms, index, axis=f.dim), (f.channels, [[d] for d in range(f.channels.atoms.ndim)])
        )
        swapped = one.swap(f.channels, new)
        return swapped.with_axis(axis, (Factor(len(index), new, f.dim),))

    def pick(self, old: Channels, dim: int, index: int) -> Layout:
        """With one position of a dimension of an array of atoms; that dimension's factor must go."""
        left = [[d] for d in range(old.atoms.ndim) if d != dim]
        new = Channels(np.take(old.atoms, index, axis=dim), (old, left))

        def picked(f: Factor) -> Factor:
            if f.channels is not old:
                return f
            return Factor(f.size, new, f.dim - (f.dim > dim)) if f.dim != dim and new.atoms.ndim else Factor(f.size)

        return Layout(tuple(tuple(map(picked, axis)) for axis in self.axes))

    def projected(self, old: Channels, gone: Sequence[int], new: Channels | None) -> Layout:
        """With ``new``, which has the dimensions of ``old`` but those that are ``gone``; their factors are fixed."""
        left = [d for d in range(old.atoms.ndim) if d not in gone]

        def projected(f: Factor) -> Factor:
            if f.channels is not old:
                return f
            return Factor(f.size) if new is None or f.dim in gone else Factor(f.size, new, left.index(f.dim))

        return Layout(tuple(tuple(map(projected, axis)) for axis in self.axes))

    def released(self, gone: Channels) -> Layout:
        """With the factors of one array of atoms fixed."""
        return Layout(tuple(tuple(Factor(f.size) if f.channels is gone else f for f in axis) for axis in self.axes))


def single(atoms: Atoms) -> Axis:
    """An axis of independent atoms."""
    if atoms.size == 1:
        return (Factor(1),)
    return (Factor(int(atoms.size), Channels(atoms.reshape(-1))),)


def refine(layouts: list[Layout], places: list[int]) -> list[Layout]:
    """Split factors until the axis ``places[i]`` of every ``layouts[i]`` has factors of the same sizes.

    Where the sizes do not meet, axes are taken one by one as :meth:`Layout.merged` has them. Raises Unaligned.
    """
    first = [f.size for f in layouts[0].axes[places[0]]]
    if all([f.size for f in lay.axes[p]] == first for lay, p in zip(layouts, places, strict=True)):
        return layouts
    try:
        sizes = _common([[f.size for f in lay.axes[p] if f.size != 1] for lay, p in zip(layouts, places, strict=True)])
    except Unaligned:
        return [lay.merged(p) for lay, p in zip(layouts, places, strict=True)]
    refined = []
    for lay, p in zip(layouts, places, strict=True):
        shape = tuple(f.size for axis in lay.axes[:p] for f in axis)
        behind = tuple(f.size for axis in lay.axes[p + 1 :] for f in axis)
        flat = lay.reshape((*shape, *sizes, *behind)).axes
        counts = [len(axis) for axis in lay.axes]
        counts[p] = len(sizes)
        axes, at = [], 0
        for n in counts:
            axes.append(tuple(f for axis in flat[at : at + n] for f in axis) or (Factor(1),))
            at += n
        refined.append(Layout(tuple(axes)))
    return refined


def _common(lists: list[list[Dim]]) -> list[Dim]:
    """The coarsest list of factors that every list can be split into; raises Unaligned."""
    lists = [list(sizes) for sizes in lists]
    common: list[Dim] = []
    while any(lists):
        if not all(lists):
            raise Unaligned
        heads = [sizes[0] for sizes in lists]
        least = heads[0]
        for h in heads[1:]:
            least = _smaller(least, h)
        for sizes in lists:
            rest = dims.divides(sizes.pop(0), least)
            if rest is None:
                raise Unaligned
            if rest != 1:
                sizes.insert(0, rest)
        common.append(least)
    return common


def _smaller(a: Dim, b: Dim) -> Dim:
    """The outer factor of the two that divides the other."""
    if dims.divides(b, a) is not None:
        return a
    if dims.divides(a, b) is not None:
        return b
    raise Unaligned


def _split(others: list[Factor], f: Factor, outer: Dim, inner: Dim) -> tuple[list[Factor], tuple[Factor, Factor]]:
    """``f`` as an outer and an inner factor; ``others`` with the channels it shares with them split alike."""
    if f.channels is None:
        return others, (Factor(outer), Factor(inner))
    if not isinstance(outer, int) or not isinstance(inner, int):
        raise Unaligned
    old = f.channels
    shape = old.atoms.shape
    before = [[d] for d in (*range(f.dim + 1), *range(f.dim, old.atoms.ndim))]
    new = Channels(old.atoms.reshape(*shape[: f.dim], outer, inner, *shape[f.dim + 1 :]), (old, before))

    def shifted(g: Factor) -> Factor:
        return Factor(g.size, new, g.dim + (g.dim > f.dim)) if g.channels is old else g

    return [shifted(g) for g in others], (Factor(outer, new, f.dim), Factor(inner, new, f.dim + 1))


def _regroup(axes: list[Axis], flat: list[Factor]) -> tuple[list[Axis], list[Factor]]:
    """Deal the factors of ``flat`` out to axes of the same lengths as ``axes``; returns them and what is left."""
    done, at = [], 0
    for axis in axes:
        done.append(tuple(flat[at : at + len(axis)]))
        at += len(axis)
    return done, flat[at:]
