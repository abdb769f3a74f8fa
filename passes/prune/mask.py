"""The decision to remove units: what reads them reads zero, statistics leave them out, and all shapes stay."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lissom.ir.flow import Statistic
from lissom.ir.graph import Graph
from lissom.ir.kept import Kept
from lissom.ir.op import Kind, Op
from lissom.ir.ops.gather import Gather
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.pad import Pad
from lissom.ir.values import Const, Value
from lissom.passes import notes
from lissom.passes.prune.solve import Solution


def mask_units(graph: Graph, solution: Solution, removed: npt.NDArray[np.bool_]) -> dict[Value, Value]:
    """Mask the units that ``removed`` names, in every sum over channels and in every statistic.

    Returns what stands for each value that is computed anew.
    """
    alive = ~removed[solution.unit]
    kept = Kept(solution.flow.layouts, alive)
    statistics = {s.op: s for s in solution.flow.statistics if not kept.mask(s.value).all()}
    reads = {r.op: r.operands for r in solution.flow.reads if not alive[r.atoms].all()}
    masks: dict[Value, Op] = {}
    now: dict[Value, Value] = {}  # what stands for a value of the graph that was solved
    for op in graph.ops:
        if op not in statistics and op not in reads:
            continue
        if op in statistics:
            new: Op = _leave_out(statistics[op], kept, now)
        else:
            x = next(v for v in reads[op] if not isinstance(v, Const))
            if x not in masks:
                keep = Const(kept.mask(x), f"{x.name}.keep")
                masks[x] = Mask(now.get(x, x), keep).named(f"{x.name}.mask", x.loc)
            new = op.replace(**{_field_of(op, now.get(x, x)): masks[x]})
        notes.done("mask", op)
        now.update(zip(op.results, new.results, strict=True))
        graph.replace(op, new.results)
    return now


def _leave_out(statistic: Statistic, kept: Kept, now: dict[Value, Value]) -> Op:
    """The op on the channels that stay, its result spread out again with zeros for the others."""
    op, value, axis = statistic.op, statistic.value, statistic.axis
    left = kept.positions(value, axis)
    operands: dict[Value, Value] = {}
    for v in op.operands:
        if isinstance(v, Const):
            data = v.data
            for i in range(data.ndim):
                if v in kept.layouts and not kept.layouts[v].is_fixed(i):
                    data = np.take(data, kept.positions(v, i), i)
            operands[v] = v.replace(data)
        else:
            operands[v] = now.get(v, v)
    operands[value] = Gather(now.get(value, value), Const(left), axis)
    few = op._on(operands)
    pads = np.zeros((2, op.type.rank), np.int64)
    pads[1, axis] = 1
    size = op.type.dims[axis]
    assert isinstance(size, int)
    places = np.full(size, len(left))
    places[left] = np.arange(len(left))
    return Gather(Pad(few, Const(pads.reshape(-1))), Const(places), axis).named(op.name, op.loc)


def _field_of(op: Op, value: Value) -> str:
    """The field that holds ``value``, which variadic fields do not."""
    return next(f.name for f in type(op).fields if f.kind is not Kind.attribute and getattr(op, f.name) is value)
