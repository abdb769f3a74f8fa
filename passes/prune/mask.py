"""The decision to remove units: what reads them reads zero, statistics leave them out, and all shapes stay."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lissom.ir.channels.flow import Read, Statistic
from lissom.ir.channels.kept import Kept
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.gather import Gather
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.pad import Pad
from lissom.ir.values import Const, Value, producer
from lissom.passes import notes
from lissom.passes.prune.solve import Solution


def mask_units(graph: Graph, solution: Solution, removed: npt.NDArray[np.bool_]) -> dict[Value, Value]:
    """Mask the units that ``removed`` names, in every sum over channels and in every statistic.

    Returns what stands for each value that is computed anew.
    """
    masker = _Masker(solution, ~removed[solution.unit])
    for op in graph.ops:
        if (new := masker.masked(op)) is not None:
            notes.done("mask", op)
            graph.replace(op, new.results)
    return masker.now


class _Masker:
    def __init__(self, solution: Solution, alive: npt.NDArray[np.bool_]) -> None:
        self.solution = solution
        self.alive = alive
        self.kept = Kept(solution.flow.layouts, alive, solution.unit)
        self.masks: dict[Value, Value] = {}
        self.now: dict[Value, Value] = {}
        """What stands for a value of the graph that was solved."""
        self.before: dict[Value, Value] = {}
        """The value of the graph that was solved that another one stands for."""
        self.statistics: dict[Op, list[Statistic]] = {}
        for s in solution.flow.statistics:
            size = s.value.type.dims[s.axis]
            if isinstance(size, int) and len(self.kept.positions(s.value, s.axis)) < size:
                self.statistics.setdefault(s.op, []).append(s)
        self.reads: dict[Op, list[Read]] = {}
        for r in solution.flow.reads:
            if not alive[r.atoms].all():
                self.reads.setdefault(r.op, []).append(r)

    def masked(self, op: Op) -> Op | None:
        """The op as it has to be; None where it may stay."""
        if op in self.statistics:
            new = self.leave_out(op, self.statistics[op])
        elif op in self.reads:
            changed = {x: self.mask(x) for x in map(self.silenced, self.reads[op])}
            new = op._on({v: changed.get(self.before.get(v, v), v) for v in op.operands})
        else:
            return None
        for old, result in zip(op.results, new.results, strict=True):
            self.now[old], self.before[result] = result, old
        return new

    def silenced(self, read: Read) -> Value:
        """The operand of a sum to mask: one that has all the channels that go, if possible one that is computed."""
        gone = np.unique(self.solution.unit[read.atoms[~self.alive[read.atoms]]])
        layouts = self.solution.flow.layouts
        fit = []
        for v in read.operands:
            held = [self.solution.unit[c.atoms].reshape(-1) for c in layouts[v].channels]
            if held and np.isin(gone, np.concatenate(held)).all():
                fit.append(v)
        return next((v for v in fit if not isinstance(v, Const)), fit[0])

    def mask(self, x: Value) -> Value:
        """``x`` masked, or made by views of what can be masked: a mask has no axis of unknown size with channels."""
        if x not in self.masks:
            layout, op = self.solution.flow.layouts[x], producer(x)
            if all(layout.is_fixed(i) or isinstance(layout.size(i), int) for i in range(layout.rank)):
                keep = Const(self.kept.mask(x), f"{x.name}.keep")
                self.masks[x] = Mask(self.now.get(x, x), keep).named(f"{x.name}.mask", x.loc)
            else:
                assert op is not None
                first = self.before.get(op.operands[0], op.operands[0])
                view = op._on({v: self.mask(first) if v is op.operands[0] else v for v in op.operands})
                self.masks[x] = view.results[op.results.index(x)]
        return self.masks[x]

    def leave_out(self, op: Op, statistics: list[Statistic]) -> Op:
        """The op on the channels that stay, its result spread out again with zeros for the others."""
        operands: dict[Value, Value] = {v: v for v in op.operands}
        for v in op.operands:
            old = self.before.get(v, v)
            layout = self.solution.flow.layouts.get(old)
            axes = [s.axis for s in statistics if s.value is old]
            if not axes and layout is not None and isinstance(v, Const):
                axes = list(range(layout.rank))
            for axis in axes:
                if layout is None or layout.is_fixed(axis):
                    continue
                left = self.kept.positions(old, axis)
                now = operands[v]
                operands[v] = (
                    now.replace(np.take(now.data, left, axis))
                    if isinstance(now, Const)
                    else Gather(now, Const(left), axis)
                )
        made: Op = op._on(operands)
        for axis in (s.result for s in statistics if s.result is not None):
            left = self.kept.positions(statistics[0].value, axis)
            size = op.type.dims[axis]
            assert isinstance(size, int)
            pads = np.zeros((2, op.type.rank), np.int64)
            pads[1, axis] = 1
            places = np.full(size, len(left))
            places[left] = np.arange(len(left))
            made = Gather(Pad(made, Const(pads.reshape(-1))), Const(places), axis)
        return made.named(op.name, op.loc)
