"""The certificate of a removal: every group of channels, what is left of it, and why it lost no more."""

from __future__ import annotations

from typing import Any

import numpy as np

from lissom.ir.values import Value
from lissom.passes.prune.decide import Decision
from lissom.passes.prune.select import names_of
from lissom.passes.prune.solve import why


def certificate(decision: Decision) -> list[dict[str, Any]]:
    """One row for each group: ``channels`` (whose they are), ``units``, ``left``, ``reason`` and ``members``.

    A reason says why units had to stay, or why none of those that might go did. Members are all values that have the
    group's channels, each with its axis.
    """
    solution = decision.solution
    group_of = np.full(solution.count, -1)
    for i, g in enumerate(solution.groups):
        group_of[g.units] = i
    members: list[dict[str, None]] = [{} for _ in solution.groups]
    for v, layout in solution.flow.layouts.items():
        for axis, factors in enumerate(layout.axes):
            held = [solution.unit[f.channels.atoms].reshape(-1) for f in factors if f.channels is not None]
            for i in np.unique(group_of[np.concatenate(held)]).tolist() if held else ():
                if i >= 0:
                    members[i][f"{_name(v)} axis {axis}"] = None
    gone = decision.removed
    ladder_of = {id(g): (n, lad) for n, lad in enumerate(decision.ladders) for g in lad.cluster.groups}
    rows = []
    for g, found in zip(solution.groups, members, strict=True):
        left = int((~gone[g.units]).sum())
        reason = "; ".join(dict.fromkeys(map(why, g.frozen)))
        if not reason and left == len(g.units):
            number, ladder = ladder_of[id(g)]
            reason = (
                "no part of it can go: what it is balanced with, or the multiple asked for, leaves no smaller size"
                if len(ladder.rungs) == 1
                else f"the decision leaves it; the least that could go is {len(ladder.rungs[1])} units"
                if decision.choice[number] == 0
                else "only units of other groups it is balanced with go"
            )
        first = f"{_name(g.places[0].const)} axis {g.places[0].axis}"
        label = next(iter(names_of(solution, [g])), first)
        rows.append({"channels": label, "units": len(g.units), "left": left, "reason": reason, "members": list(found)})
    return rows


def _name(value: Value) -> str:
    return value.name or type(value).__name__
