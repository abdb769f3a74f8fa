"""Slices that together take all of an axis are one Split."""

from __future__ import annotations

import numpy as np

from lissom.ir.contents import integers
from lissom.ir.ops.slice import Slice
from lissom.ir.ops.split import Split
from lissom.ir.values import Const, Value
from lissom.passes.fold.duplicates import LOOKED_AT
from lissom.passes.rule import Rule, rule

Part = tuple[int, int, int]
"""Axis, start and end of a slice."""


@rule
def slices_are_a_split(op: Slice) -> Value | None:
    """x[:a], x[a:b], x[b:]  =>  the results of Split(x, (a, b-a, ...))."""
    mine = _part(op)
    if mine is None or len(op.x._users) > LOOKED_AT or op.graph is None:
        return None
    axis = mine[0]
    for user in op.x.users:
        if isinstance(user, Split) and user.axis % user.x.type.rank == axis and op.graph.precedes(user, op):
            ends = np.cumsum([r.type.dims[axis] for r in user.results]).tolist()
            parts = list(zip([0, *ends], ends, strict=False))
            return user.results[parts.index(mine[1:])] if mine[1:] in parts else None
    found = {p for u in op.x.users if isinstance(u, Slice) and u.x is op.x and (p := _part(u)) and p[0] == axis}
    parts = sorted((start, end) for _, start, end in found)
    starts, ends = [s for s, _ in parts], [e for _, e in parts]
    if len(parts) < 2 or starts != [0, *ends[:-1]] or ends[-1] != op.x.type.dims[axis]:
        return None
    sizes = np.array([e - s for s, e in parts], np.int64)
    return Split(op.x, Const(sizes), axis=axis).results[parts.index(mine[1:])]


def _part(op: Slice) -> Part | None:
    """What a slice of one axis of known size takes, without gaps; None for any other slice."""
    starts, ends, steps = integers(op.starts), integers(op.ends), integers(op.steps)
    axes = (0,) if op.axes is None else integers(op.axes)
    if starts is None or ends is None or axes is None or len(axes) != 1 or op.x.type.shape is None:
        return None
    axis = axes[0] % op.x.type.rank
    size = op.x.type.dims[axis]
    if not isinstance(size, int) or (op.steps is not None and steps != (1,)):
        return None
    start, end = (min(max(p + size if p < 0 else p, 0), size) for p in (starts[0], ends[0]))
    return (axis, start, end) if start < end else None


RULES: tuple[Rule, ...] = (slices_are_a_split,)
