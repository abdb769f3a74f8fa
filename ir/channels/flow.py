"""How the channels of a whole graph depend on each other: what every op says of its axes, in one place.

:class:`Flow` walks a graph in order. Each op's ``channels(flow)`` returns the layouts of its results, made from those
of its operands, and tells the flow which atoms live and die together (``tie``), which stay (``freeze``, ``pin``), and
where an op sums over channels (a *read*: a removed channel must be zero there) or takes statistics over them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from lissom.ir import dims
from lissom.ir.channels.atoms import Atoms, Axis, Channels, Factor, Layout, Unaligned, refine, single
from lissom.ir.dims import Dim, SymDim
from lissom.ir.values import Const, Value

if TYPE_CHECKING:
    from lissom.ir.graph import Graph
    from lissom.ir.op import Op

Label: TypeAlias = Hashable
Term: TypeAlias = tuple[Value, Sequence[Label | None]]
"""An operand and a label for each of its axes. Axes of one label are aligned; None: size 1, broadcast."""

Sub: TypeAlias = tuple[Label, int]


@dataclass(frozen=True, eq=False)
class Freeze:
    """Atoms that must stay, and why."""

    atoms: Atoms
    op: Op | None
    reason: str


@dataclass(frozen=True, eq=False)
class Read:
    """A sum over channels: ``op`` reads ``operands``, whose product must be zero wherever an atom is removed."""

    op: Op
    operands: tuple[Value, ...]
    atoms: Atoms


@dataclass(frozen=True, eq=False)
class Statistic:
    """``op`` takes a statistic (a mean, a maximum) of ``value`` over ``axis``, which has channels.

    ``result`` is that axis of the op's result; None where it is gone, or of size 1.
    """

    op: Op
    value: Value
    axis: int
    result: int | None


class Flow:
    """The layouts of all values of a graph, and the conditions between their atoms.

    ``heads`` decides what attention gives up: whole heads, or width within every head.
    """

    def __init__(self, graph: Graph, *, heads: bool = True) -> None:
        self.graph = graph
        self.heads = heads
        self.layouts: dict[Value, Layout] = {}
        self.ties: list[tuple[Atoms, Atoms]] = []
        self.freezes: list[Freeze] = []
        self.reads: list[Read] = []
        self.statistics: list[Statistic] = []
        self.joint: dict[Channels, None] = {}
        self.pins: dict[Channels, dict[int, tuple[Op, str]]] = {}
        self.count = 0
        self.brought: dict[tuple[Op, Hashable], Atoms] = {}
        """Atoms by the op and the part of its result they are in: those that are no constant's, and parts of joins."""

    def walk(self) -> Flow:
        """Visit every op; returns itself."""
        for i in self.graph.inputs:
            self.layouts[i] = Layout.fixed(i.type.dims) if i.type.shape is not None else Layout(())
        for op in self.graph.ops:
            self.visit(op)
        for name, v in zip(self.graph.output_names, self.graph.outputs, strict=True):
            self.freeze(v, None, f"it is the graph output {name!r}")
        return self

    def visit(self, op: Op) -> None:
        """Let one op say how its channels move."""
        unknown = any(v.type.shape is None for v in (*op.operands, *op.results))
        found = self.opaque(op, "a size it has is not known") if unknown else op.channels(self)
        layouts = found if isinstance(found, tuple) else (found,) * len(op.results)
        for r, layout in zip(op.results, layouts, strict=True):
            self.layouts[r] = layout
            self.joint.update((c, None) for c in layout.channels if c.atoms.ndim > 1)

    # ---- what ops call

    def of(self, value: Value) -> Layout:
        """The layout of an operand. A constant's axes get atoms of their own when first asked for."""
        if value not in self.layouts:
            assert isinstance(value, Const)
            self.layouts[value] = self.of_const(value)
        return self.layouts[value]

    def of_const(self, const: Const) -> Layout:
        return Layout(tuple(single(self.fresh(int(n))) for n in const.data.shape))

    def fresh(self, count: int, op: Op | None = None, key: Hashable = None) -> Atoms:
        """New atoms. Those that ``op`` brings forth itself are known by it and a ``key``."""
        self.count += count
        atoms = np.arange(self.count - count, self.count)
        if op is not None:
            self.brought[op, key] = atoms
        return atoms

    def tie(self, a: Atoms, b: Atoms) -> None:
        """Atoms at the same place live and die together; the arrays broadcast."""
        if a is not b and a.size:
            left, right = np.broadcast_arrays(a, b)
            self.ties.append((left.reshape(-1), right.reshape(-1)))

    def freeze(self, value: Value, op: Op | None, reason: str) -> None:
        """All channels of a value stay."""
        for c in self.of(value).channels if value in self.layouts or isinstance(value, Const) else ():
            self.freezes.append(Freeze(c.atoms, op, reason))

    def keep(self, op: Op, value: Value, axes: int | Iterable[int], reason: str) -> Layout:
        """Some axes stay as they are, and ``op`` mixes what lies along them. Returns the layout with them fixed."""
        layout = self.of(value)
        held: dict[Channels, list[int]] = {}
        fixed = [a % layout.rank for a in ((axes,) if isinstance(axes, int) else axes)]
        for axis in fixed:
            self.keep_size(op, layout, axis, reason)
            for f in layout.axes[axis]:
                if f.channels is not None:
                    held.setdefault(f.channels, []).append(f.dim)
        for c, inside in held.items():
            layout = layout.projected(c, inside, self._rest(c, inside))
        for axis in fixed:
            layout = layout.with_axis(axis, (Factor(layout.size(axis)),))
        return layout

    def keep_size(self, op: Op, layout: Layout, axis: int, reason: str) -> Layout:
        """The size of one axis of a layout under way stays. It is fixed where its channels lie in no other axis."""
        axis %= layout.rank
        for f in layout.axes[axis]:
            if f.channels is not None:
                self.pin(f.channels, f.dim, op, reason)
        independent = all(f.channels is None or f.channels.atoms.ndim == 1 for f in layout.axes[axis])
        return layout.with_axis(axis, (Factor(layout.size(axis)),)) if independent else layout

    def keep_spatial(self, op: Op, value: Value, reason: str = "windows slide over it") -> Layout:
        """All axes from the third on stay as they are, and leave the layout of a constant."""
        layout = self.keep(op, value, range(2, value.type.rank), reason)
        if isinstance(value, Const):
            self.layouts[value] = layout
        return layout

    def balance(self, op: Op, value: Value, axis: int, groups: int, reason: str) -> None:
        """``axis`` consists of ``groups`` parts, which must keep equally many channels. Raises Unaligned."""
        self.balance_layout(op, self.of(value), axis, groups, reason)

    def balance_layout(self, op: Op, layout: Layout, axis: int, groups: int, reason: str) -> Layout:
        """The layout with ``axis`` split into the groups and what is in them."""
        sizes = layout.shape
        inner = dims.divides(sizes[axis], groups)
        if inner is None:
            raise Unaligned
        split = layout.reshape((*sizes[:axis], groups, inner, *sizes[axis + 1 :]))
        for f in split.axes[axis]:
            if f.channels is not None:
                if f.channels.atoms.ndim > 1:
                    self.joint[f.channels] = None
                self.pin(f.channels, f.dim, op, reason)
        return split

    def take(self, op: Op, layout: Layout, axis: int, index: Atoms) -> Layout:
        """The positions ``index`` of an axis, which must be found again when some are gone. Raises Unaligned.

        One that is taken alone is no channel any more, and stays.
        """
        one = layout.merged(axis)
        (f,) = one.axes[axis]
        if f.channels is not None and f.channels.atoms.ndim == 1 and len(index) == 1:
            self.freezes.append(Freeze(f.channels.atoms[index], op, "it is taken alone"))
        elif f.channels is not None and f.channels.atoms.ndim > 1:
            self._findable(op, f.channels, f.dim, index)
        return one.take(axis, index)

    def _findable(self, op: Op, channels: Channels, dim: int, index: Atoms) -> None:
        """What is left of the positions ``index`` along ``dim`` stands at the same places whatever the other ones."""
        outside = _others(channels, [dim])
        if len(index) == 1:
            self.pin(channels, dim, op, "one of it is taken alone")
        elif (np.diff(index) == 1).all():
            before = np.take(channels.atoms, np.arange(index[0]), axis=dim)
            if before.size:
                self.joint[Channels(before, (channels, [[d] for d in range(before.ndim)]))] = None
        elif any(self.pinned(channels, d) is None for d in outside if d > dim):
            self.pin(channels, dim, op, "it is taken in pieces")
        else:
            self._alike(channels, [dim] if self._whole(channels, [dim]) else outside)

    def pin(self, channels: Channels, dim: int, op: Op, reason: str) -> None:
        """One dimension of an array of atoms keeps its size; what is left to shrink are the others."""
        pins = self.pins.setdefault(channels, {})
        pins.setdefault(dim, (op, reason))
        if len(pins) == channels.atoms.ndim:
            self.freezes.append(Freeze(channels.atoms, op, reason))

    def pinned(self, channels: Channels, dim: int) -> tuple[Op, str] | None:
        """Who keeps the size of a dimension of an array of atoms, and why; also where it is part of a pinned one."""
        if dim in (pins := self.pins.get(channels, {})):
            return pins[dim]
        if channels.source is None:
            return None
        whole, parts = channels.source
        found = [self.pinned(whole, d) for d in parts[dim]]
        return found[0] if found and all(found) else None

    def opaque(self, op: Op, reason: str) -> tuple[Layout, ...]:
        """Freeze all that ``op`` reads; its results are fixed."""
        for v in op.operands:
            if v.type.shape is not None and v.type.rank:
                self.freeze(v, op, reason)
        return tuple(Layout.fixed(r.type.shape or ()) for r in op.results)

    def unify(self, op: Op, *values: Value) -> Layout:
        """Element by element, with broadcasting: aligned axes share their channels."""
        rank = max(v.type.rank for v in values)
        terms = []
        for v in values:
            sizes = v.type.dims
            terms.append((v, [None if d == 1 else rank - len(sizes) + i for i, d in enumerate(sizes)]))
        return self.einsum(op, terms, range(rank))

    def statistic(self, op: Op, value: Value, axes: Iterable[int], reduced: bool = False) -> None:
        """``op`` takes a statistic over ``axes`` of ``value``, which its result has too unless they are ``reduced``."""
        layout = self.of(value)
        for axis in (a % layout.rank for a in axes):
            if not layout.is_fixed(axis):
                held = [f.channels for f in layout.axes[axis] if f.channels is not None]
                if len(held) > len(set(held)):
                    # What is left of a shuffled axis has an order of its own, which a statistic cannot be spread over.
                    self.keep(op, value, axis, "it takes a statistic over channels that were shuffled")
                    continue
                self.statistics.append(Statistic(op, value, axis, None if reduced else axis))
                for c in dict.fromkeys(f.channels for f in layout.axes[axis] if f.channels is not None):
                    inside = [f.dim for f in layout.axes[axis] if f.channels is c]
                    self._alike(c, inside if self._whole(c, inside) else _others(c, inside))

    def _whole(self, channels: Channels, inside: Sequence[int]) -> bool:
        """Whether it is other dimensions of an array of atoms that give something up, and ``inside`` goes as a whole.

        So it is where heads go, and where all that is inside has to stay.
        """
        gives = any(self.pinned(channels, d) is None for d in _others(channels, inside))
        return gives and (self.heads or all(self.pinned(channels, d) for d in inside))

    def _rest(self, channels: Channels, inside: Sequence[int]) -> Channels | None:
        """What is left of an array of atoms where ``inside`` goes as a whole: its other dimensions, if it has some."""
        outside = _others(channels, inside)
        if not outside:
            return None
        first = self._alike(channels, inside)
        return Channels(first.reshape([channels.atoms.shape[d] for d in outside]), (channels, [[d] for d in outside]))

    def _alike(self, channels: Channels, dims: Sequence[int]) -> Atoms:
        """Tie all positions along some dimensions of an array of atoms; returns the first of them."""
        first = channels.atoms
        for dim in dims:
            first = np.take(first, [0], axis=dim)
        self.tie(channels.atoms, first)
        return first

    def einsum(
        self,
        op: Op,
        terms: Sequence[Term],
        output: Iterable[Label],
        layouts: list[Layout] | None = None,
        read: bool = True,
    ) -> Layout:
        """A sum of products over labelled axes: labels that are not in ``output`` are summed over.

        ``layouts`` stand for the operands' own, seen in other shapes; ``read=False`` says that it is no sum that zeros
        may be left out of: the op has a statistic instead, or windows slide there.
        """
        output = list(output)
        layouts, parts = self.align(op, terms, layouts or [self.of(v) for v, _ in terms])
        owners = [self.owners(layout, labels) for layout, (_, labels) in zip(layouts, terms, strict=True)]
        fixed = [self.fixed(layout, labels) for layout, (_, labels) in zip(layouts, terms, strict=True)]
        self.meet_all(op, terms, owners, fixed)
        chosen = self.choose(owners, parts)
        gone = {(label, k) for label in parts if label not in output for k in range(len(parts[label]))}
        chosen = self._sum(op, terms, chosen, gone, read)
        axes: list[Axis] = []
        for label in output:
            if label not in parts:
                axes.append((Factor(1),))
                continue
            factors = []
            for k, size in enumerate(parts[label]):
                channels, dim = chosen.get((label, k), (None, 0))
                factors.append(Factor(size, channels, dim))
            axes.append(tuple(factors) or (Factor(1),))
        return Layout(tuple(axes))

    # ---- the parts of einsum

    def align(
        self, op: Op, terms: Sequence[Term], layouts: list[Layout]
    ) -> tuple[list[Layout], dict[Label, list[Dim]]]:
        """The layouts with equal factors on axes of one label, and the sizes of each label's factors."""
        layouts = list(layouts)
        labels = dict.fromkeys(label for _, axes in terms for label in axes if label is not None)
        for label in labels:
            at = [(i, axes.index(label)) for i, (_, axes) in enumerate(terms) if label in axes]
            if len(at) == 1:
                continue
            for size in [d for i, p in at if isinstance(d := layouts[i].size(p), int)][:1]:
                for i, p in at:  # a symbol against a number is that number
                    if isinstance(layouts[i].size(p), SymDim) and layouts[i].is_fixed(p):
                        layouts[i] = layouts[i].with_axis(p, (Factor(size),))
            try:
                refined = refine([layouts[i] for i, _ in at], [p for _, p in at])
            except Unaligned:
                refined = [self._let_go(op, layouts[i], p) for i, p in at]
            for (i, _), layout in zip(at, refined, strict=True):
                layouts[i] = layout
        parts: dict[Label, list[Dim]] = {}
        for layout, (_, axes) in zip(layouts, terms, strict=True):
            for axis, label in zip(layout.axes, axes, strict=True):
                if label is not None:
                    parts[label] = [f.size for f in axis]
        return layouts, parts

    def _let_go(self, op: Op, layout: Layout, axis: int) -> Layout:
        for c in list(dict.fromkeys(f.channels for f in layout.axes[axis] if f.channels is not None)):
            self.freezes.append(Freeze(c.atoms, op, "its operands are split into factors that do not meet"))
            layout = layout.released(c)
        return layout.with_axis(axis, (Factor(layout.size(axis)),))

    def owners(self, layout: Layout, labels: Sequence[Label | None]) -> dict[Channels, dict[int, Sub]]:
        """For each array of atoms, the label of each of its dimensions."""
        owners: dict[Channels, dict[int, Sub]] = {}
        for axis, label in zip(layout.axes, labels, strict=True):
            for k, f in enumerate(axis):
                if f.channels is not None:
                    owners.setdefault(f.channels, {})[f.dim] = (label, k)
        return owners

    def fixed(self, layout: Layout, labels: Sequence[Label | None]) -> set[Sub]:
        """The factors without channels."""
        return {
            (label, k)
            for axis, label in zip(layout.axes, labels, strict=True)
            if label is not None
            for k, f in enumerate(axis)
            if f.channels is None and f.size != 1
        }

    def meet_all(
        self, op: Op, terms: Sequence[Term], owners: list[dict[Channels, dict[int, Sub]]], fixed: list[set[Sub]]
    ) -> None:
        """Pin what is fixed in another operand, and tie what operands have on the same factors."""
        for i, mine in enumerate(owners):
            for j, (other, _) in enumerate(terms):
                if i != j:
                    for a, places in mine.items():
                        for dim, sub in places.items():
                            if sub in fixed[j]:
                                self.pin(a, dim, op, f"the size of {other.name or 'an operand'!r} is fixed there")
        for i, mine in enumerate(owners):
            for theirs in owners[i + 1 :]:
                self._meet(op, mine, theirs)

    def _meet(self, op: Op, mine: dict[Channels, dict[int, Sub]], theirs: dict[Channels, dict[int, Sub]]) -> None:
        for a, places in mine.items():
            for b, others in theirs.items():
                if not set(places.values()) & set(others.values()):
                    continue
                if self._crosses(a, places, others) or self._crosses(b, others, places):
                    reason = "all heads share it, which go as a whole" if self.heads else "heads stay, and lose width"
                    for c, has, has_too in ((a, places, others), (b, others, places)):
                        for dim, sub in has.items():
                            if sub in has_too.values():
                                self.pin(c, dim, op, reason)
                    continue
                subs = [*places.values(), *(s for s in others.values() if s not in places.values())]
                self.tie(spread(a, places, subs), spread(b, others, subs))

    def _crosses(self, channels: Channels, places: dict[int, Sub], others: dict[int, Sub]) -> bool:
        """Whether two arrays share the width of heads of ``channels`` where heads go, or heads where width goes.

        Then what is shared stays, and what may go is the other: dimensions outside of it, or inside.
        """
        shared = [dim for dim, sub in places.items() if sub in others.values()]
        extra = [dim for dim in places if dim not in shared and self.pinned(channels, dim) is None]
        return any(dim < min(shared) if self.heads else dim > max(shared) for dim in extra)

    def choose(
        self, owners: list[dict[Channels, dict[int, Sub]]], parts: dict[Label, list[Dim]]
    ) -> dict[Sub, tuple[Channels, int]]:
        """For each factor the array that stands for it in the result: one of most dimensions."""
        chosen: dict[Sub, tuple[Channels, int]] = {}
        arrays = [(c, places) for owner in owners for c, places in owner.items()]
        for c, places in sorted(arrays, key=lambda a: self.preference(a[0])):
            if not any(sub in chosen for sub in places.values()):
                if any(d is c for d, _ in chosen.values()):  # x @ x.T has the channels of x twice
                    c = Channels(c.atoms, (c, [[d] for d in range(c.atoms.ndim)]))
                chosen.update((sub, (c, dim)) for dim, sub in places.items())
        for c, places in arrays:
            left = [dim for dim, sub in places.items() if sub not in chosen]
            # It shares some dimensions with an array that was chosen. Where heads go, the others go with them.
            if left and not self._whole(c, left) and (rest := self._rest(c, _others(c, left))) is not None:
                chosen.update((places[dim], (rest, i)) for i, dim in enumerate(sorted(left)))
        return chosen

    def _sum(
        self, op: Op, terms: Sequence[Term], chosen: dict[Sub, tuple[Channels, int]], gone: set[Sub], read: bool
    ) -> dict[Sub, tuple[Channels, int]]:
        """Record the sum over what is ``gone``; what is left of arrays that also have other dimensions."""
        for c in dict.fromkeys(c for sub, (c, _) in chosen.items() if sub in gone):
            places = {dim: sub for sub, (d, dim) in chosen.items() if d is c}
            inside = [dim for dim, sub in places.items() if sub in gone]
            outer = _others(c, inside)
            left = self._rest(c, inside) if self._whole(c, inside) else None
            if read or left is None:  # where nothing is left of it, a statistic is the last that sees it
                self.reads.append(Read(op, tuple(v for v, _ in terms), c.atoms))
            for dim in places:
                chosen.pop(places[dim])
            for i, dim in enumerate(outer):
                if left is not None:
                    chosen[places[dim]] = left, i
                else:
                    self.pin(c, dim, op, "every head keeps some of its width")
        return chosen

    def preference(self, channels: Channels) -> tuple[int, ...]:
        """What is least for the array of atoms that stands for a factor of the result, among those that meet there."""
        return (-channels.atoms.ndim,)


def _others(channels: Channels, inside: Sequence[int]) -> list[int]:
    return [d for d in range(channels.atoms.ndim) if d not in inside]


def spread(channels: Channels, places: dict[int, Sub], subs: list[Sub]) -> Atoms:
    """The atoms with one dimension for each of ``subs``, of size 1 where they have none."""
    order = sorted(places, key=lambda dim: subs.index(places[dim]))
    atoms = channels.atoms.transpose(order)
    shape = [1] * len(subs)
    for dim in order:
        shape[subs.index(places[dim])] = channels.atoms.shape[dim]
    spread_out: Atoms = atoms.reshape(shape)
    return spread_out
