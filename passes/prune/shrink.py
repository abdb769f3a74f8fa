"""The realization of removal: units that nothing reads are taken out, and the graph is made anew in its smaller size.

A unit is dead when every sum over it reads zero: because of a :class:`~lissom.ir.ops.mask.Mask`, or because the weights
that read it are zero. Removing dead units changes no output.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lissom.ir.channels.atoms import Atoms, Channels, Layout, Unaligned, single
from lissom.ir.channels.flow import Flow, Label, Statistic, Term
from lissom.ir.channels.kept import Kept
from lissom.ir.dims import Dim
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.cast import Cast
from lissom.ir.ops.dequantize_linear import DequantizeLinear
from lissom.ir.ops.expand import Expand
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.ops.flatten import Flatten
from lissom.ir.ops.gather import Gather
from lissom.ir.ops.identity import Identity
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.quantize_linear import QuantizeLinear
from lissom.ir.ops.reshape import Reshape
from lissom.ir.ops.slice import Slice
from lissom.ir.ops.split import Split
from lissom.ir.ops.squeeze import Squeeze
from lissom.ir.ops.transpose import Transpose
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.values import Const, Value, producer
from lissom.passes.prune.solve import Solution, solve


class Misplaced(Exception):
    """Two operands have the atoms of one axis in different orders."""

    def __init__(self, a: tuple[Value, int, Atoms], b: tuple[Value, int, Atoms]) -> None:
        super().__init__("misplaced channels")
        self.sides = (a, b)


VIEWS = (
    *(Expand, Flatten, Identity, Reshape, Slice, Split, Squeeze, Transpose, Unsqueeze),
    *(Cast, FakeQuant, QuantizeLinear, DequantizeLinear),
)
"""Ops behind which is zero what is zero before them."""


def dead_units(solution: Solution) -> npt.NDArray[np.bool_]:
    """The units that may go and that nothing reads, as many as the balances allow."""
    live = ~solution.free
    silent = np.zeros(solution.count, np.bool_)
    for read in solution.flow.reads:
        units = solution.unit[read.atoms]
        unread = [_zero_at(v, solution) for v in read.operands]
        for zero in unread:
            silent[zero] = True
        live[units[~silent[units]]] = True
        for zero in unread:
            silent[zero] = False
    for place in solution.places:
        if place.units.size and not live[place.units].any():
            live[place.units[0]] = True  # an axis without any channel is no axis
    changed = True
    while changed:
        changed = False
        for statistic in solution.flow.statistics:
            for rows in _rows(statistic, solution):  # a row goes as a whole, or not at all
                mixed = rows[live[rows].any(axis=1)]
                if not live[mixed].all():
                    live[mixed] = changed = True
    return _balanced(~live, solution)


def _rows(statistic: Statistic, solution: Solution) -> Iterator[npt.NDArray[np.int64]]:
    """The units a statistic is taken over, one row for each statistic."""
    layout = solution.flow.layouts[statistic.value]
    for c in layout.channels:
        inside = [f.dim for f in layout.axes[statistic.axis] if f.channels is c]
        if inside:
            units = np.moveaxis(solution.unit[c.atoms], inside, range(-len(inside), 0))
            yield units.reshape(-1, int(np.prod(units.shape[units.ndim - len(inside) :])))


def _zero_at(value: Value, solution: Solution) -> npt.NDArray[np.int64]:
    """Units all of whose channels are zero in ``value``, as far as it shows."""
    while isinstance(op := producer(value), VIEWS):
        value = op.operands[0]
    layout = solution.flow.layouts.get(value)
    if layout is None:
        return np.zeros(0, np.int64)
    if isinstance(value, Mask) and isinstance(value.keep, Const):
        return _units_where(layout, ~value.keep.data, solution)
    if isinstance(value, Const) and value.type.dtype.is_float:
        found = []
        for axis in range(layout.rank):
            if not layout.is_fixed(axis):
                others = tuple(i for i in range(layout.rank) if i != axis)
                (f,) = layout.merged(axis).axes[axis]
                assert f.channels is not None
                zero = np.asarray(~value.data.any(axis=others))
                found.append(_all_zero(solution.unit[f.channels.atoms], zero))
        return np.concatenate(found) if found else np.zeros(0, np.int64)
    return np.zeros(0, np.int64)


def _units_where(layout: Layout, zero: npt.NDArray[np.bool_], solution: Solution) -> npt.NDArray[np.int64]:
    """Units of ``layout`` that are zero at all their positions."""
    found = []
    zero = zero.reshape((1,) * (layout.rank - zero.ndim) + zero.shape)
    for c in layout.channels:
        shape: list[int] = []
        order: list[int] = []
        for axis in range(layout.rank):
            for f in layout.axes[axis]:
                size = f.size if zero.shape[axis] != 1 and isinstance(f.size, int) else 1
                shape.append(size)
                if f.channels is c:
                    order.append(f.dim)
        spread = [1] * len(shape)
        at = 0
        for axis in range(layout.rank):
            for f in layout.axes[axis]:
                if f.channels is c:
                    spread[at] = c.atoms.shape[f.dim]
                at += 1
        units = solution.unit[c.atoms].transpose(order).reshape(spread)
        a, b = np.broadcast_arrays(units, zero.reshape(shape))
        found.append(_all_zero(a.reshape(-1), b.reshape(-1)))
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _all_zero(units: npt.NDArray[np.int64], zero: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    return np.setdiff1d(units[zero], units[~zero]) if zero.any() else np.zeros(0, np.int64)


def _balanced(dead: npt.NDArray[np.bool_], solution: Solution) -> npt.NDArray[np.bool_]:
    """``dead`` without the units that some rows of a balance have more of than others."""
    changed = True
    while changed:
        changed = False
        for balance in solution.balances:
            counts = dead[balance.rows].sum(axis=1)
            for row, n in zip(balance.rows, counts, strict=True):
                if n > counts.min():
                    spare = row[dead[row]][: n - counts.min()]
                    dead[spare] = False
                    changed = True
    return dead


def shrink_units(graph: Graph, solution: Solution, dead: npt.NDArray[np.bool_]) -> Graph:
    """The graph without the dead units, made anew op by op."""
    return _Shrinker(graph, solution, dead).run()


class _Shrinker:
    def __init__(self, graph: Graph, solution: Solution, dead: npt.NDArray[np.bool_]) -> None:
        self.old = graph
        self.solution = solution
        self.alive = ~dead[solution.unit] if solution.unit.size else np.zeros(0, np.bool_)
        self.kept = Kept(solution.flow.layouts, self.alive, solution.unit)
        self.new = Graph(graph.name)
        self.new.stage, self.new.origin = graph.stage, graph.origin
        self.flow = _CheckedFlow(self.new, solution)
        self.kept.made = self.flow.layouts
        self.now: dict[Value, Value] = {}

    def run(self) -> Graph:
        for i in self.old.inputs:
            self.now[i] = self.new.input(i.name, i.type, i.loc, i.origin)
            self.flow.layouts[self.now[i]] = self.solution.flow.layouts[i]
        for op in self.old.ops:
            self.make(op)
        outputs = zip(self.old.output_names, self.old.outputs, strict=True)
        self.new.set_outputs([(name, self.now.get(v) or self.const(v)) for name, v in outputs])
        for op in self.new.ops:
            if isinstance(op, Mask) and isinstance(op.keep, Const):
                self.new.replace(op, op.as_qdq())  # what is masked and could not go is zero all the same
        return self.new

    def make(self, op: Op) -> None:
        """Make ``op`` anew; where an operand has its channels in another order than its partner, it is put in order."""
        if isinstance(op, Mask) and self.is_spent(op):
            self.now[op] = x = self.now[op.x] if op.x in self.now else self.const(op.x)
            self.kept.arranged[op] = self.flow.layouts[x]
            return
        operands = {v: self.now[v] if v in self.now else self.const(v) for v in op.operands}
        self.flow.site = op, self.alive
        for _ in range(2 * len(operands) + 1):
            made = op.resized(operands, self.kept)
            try:
                self.visit(made)
                break
            except Misplaced as e:
                back = {new: old for old, new in operands.items()}
                self.put_in_order(e, operands, back)
        else:
            raise Error(f"{op.describe()}: the channels that are left cannot be brought into one order")
        if made.operands == tuple(operands.get(v, v) for v in op.operands) and made.attributes == op.attributes:
            unchanged = all(operands[v].origin is v.origin for v in op.operands if isinstance(v, Const))
            made.origin = op.origin if unchanged else None
        self.new.append(made)
        for old, new in zip(op.results, made.results, strict=True):
            self.now[old] = new
            self.kept.arranged[old] = self.flow.layouts[new]

    def is_spent(self, mask: Mask) -> bool:
        """Whether all that is left of a value is what the mask keeps of it."""
        if not isinstance(mask.keep, Const):
            return False
        return bool((mask.keep.data | ~self.kept.mask(mask.x)).all())

    def visit(self, made: Op) -> None:
        """Let the flow see ``made`` and the ops under it that are new too."""
        pending, order = [made], []
        while pending:
            op = pending.pop()
            order.append(op)
            for v in op.operands:
                if isinstance(v, Op) and v.graph is None and v not in self.flow.layouts:
                    pending.append(v)
        for op in reversed(order):
            self.flow.visit(op)

    def put_in_order(self, e: Misplaced, operands: dict[Value, Value], back: dict[Value, Value]) -> None:
        (a, axis_a, atoms_a), (b, axis_b, atoms_b) = e.sides
        unit = self.solution.unit
        if isinstance(a, Const) and not isinstance(b, Const):
            (a, axis_a, atoms_a), (b, axis_b, atoms_b) = (b, axis_b, atoms_b), (a, axis_a, atoms_a)
        order = _order(unit[atoms_b], unit[atoms_a])
        if b not in back:
            raise Error(f"{b!r}: its channels cannot be brought into order")
        layout = self.flow.of(b).take(axis_b, order)
        if isinstance(b, Const):
            moved: Value = Const(np.take(b.data, order, axis_b), b.name, trainable=b.trainable, loc=b.loc)
            self.flow.layouts[moved] = layout
        else:
            moved = Gather(b, Const(order), axis_b).named(f"{b.name}.order")
        operands[back[b]] = moved

    def const(self, v: Value) -> Value:
        """The constant with what is left of it."""
        assert isinstance(v, Const)
        layout = self.solution.flow.layouts.get(v)
        data, axes, cut = v.data, [], False
        for axis in range(data.ndim if layout is not None else 0):
            assert layout is not None
            if layout.is_fixed(axis):
                axes.append(layout.axes[axis])
                continue
            (f,) = layout.merged(axis).axes[axis]
            assert f.channels is not None
            left = np.flatnonzero(self.alive[f.channels.atoms])
            if len(left) < data.shape[axis]:
                data, cut = np.take(data, left, axis), True
            axes.append(single(f.channels.atoms[left]))
        origin = None if cut else v.origin
        new = Const(data, v.name, trainable=v.trainable, loc=v.loc, origin=origin)
        if layout is not None:
            self.flow.layouts[new] = Layout(tuple(axes))
        self.now[v] = new
        return new


class _CheckedFlow(Flow):
    """A flow over the smaller graph, whose atoms are those of the solved one: what meets must be of one unit."""

    def __init__(self, graph: Graph, solution: Solution) -> None:
        super().__init__(graph, heads=solution.flow.heads)
        self.solution = solution
        self.site: tuple[Op, npt.NDArray[np.bool_]] | None = None
        """The op of the solved graph that is made anew, and which atoms are alive."""
        self.marked = np.zeros(solution.count, np.bool_)

    def fresh(self, count: int, op: Op | None = None, key: Hashable = None) -> Atoms:
        """What is left of the atoms that the op brought forth in the solved graph.

        Others the old graph does not know, such as those of constants made on the way: they meet anything.
        """
        if op is not None and self.site is not None:
            old, alive = self.site
            known = self.solution.flow.brought.get((old, key), np.zeros(0, np.int64))
            known = known[alive[known]]
            if len(known) == count:
                return known
        return np.full(count, -1)

    def tie(self, a: Atoms, b: Atoms) -> None:
        """Nothing: the solved graph has it."""

    def preference(self, channels: Channels) -> tuple[int, ...]:
        """First those that the result had in the solved graph, where more dimensions may have been left."""
        strange = 0
        if self.site is not None:
            unit, layouts = self.solution.unit, self.solution.flow.layouts
            held = [unit[c.atoms] for r in self.site[0].results for c in layouts[r].channels]
            for units in held:
                self.marked[units] = True
            strange = int(not self.marked[unit[channels.atoms]].all())
            for units in held:
                self.marked[units] = False
        return (strange, *super().preference(channels))

    def align(
        self, op: Op, terms: Sequence[Term], layouts: list[Layout]
    ) -> tuple[list[Layout], dict[Label, list[Dim]]]:
        unit = self.solution.unit
        for label in dict.fromkeys(label for _, axes in terms for label in axes if label is not None):
            at = [(v, axes.index(label), lay) for (v, axes), lay in zip(terms, layouts, strict=True) if label in axes]
            if len(at) == 1:
                continue
            held = [(v, axis, atoms) for v, axis, lay in at if (atoms := _alone(lay, axis)) is not None]
            for a, b in pairwise(held):
                if (a[2] >= 0).all() and (b[2] >= 0).all():
                    left, right = unit[a[2]], unit[b[2]]
                    # What is not tied may meet too: the width of the only head that is left, and that of all heads.
                    if not np.array_equal(left, right) and np.array_equal(np.sort(left), np.sort(right)):
                        raise Misplaced(a, b)
        return super().align(op, terms, layouts)


def _alone(layout: Layout, axis: int) -> Atoms | None:
    """The atoms of an axis, one by one, where they lie in no other axis."""
    if layout.is_fixed(axis):
        return None
    try:
        (f,) = layout.merged(axis).axes[axis]
    except Unaligned:
        return None
    return f.channels.atoms if f.channels is not None and f.channels.atoms.ndim == 1 else None


def _order(have: npt.NDArray[np.int64], want: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Positions in ``have`` that give ``want``; raises Error where they are not the same units."""
    if not np.array_equal(np.sort(have), np.sort(want)):
        raise Error("channels of different units meet")
    order = np.empty(len(want), np.int64)
    order[np.argsort(want, kind="stable")] = np.argsort(have, kind="stable")
    return order


def shrink_graph(graph: Graph, *, heads: bool = True) -> Graph:
    """Solve, find the dead units, and take them out."""
    solution = solve(graph, heads=heads)
    return shrink_units(graph, solution, dead_units(solution))
