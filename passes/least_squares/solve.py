"""Solving the layers of a changed graph, in order, so that they give what the original graph gave.

Each layer is solved on the input that the solved ones before it leave it, for the output that the original layer had
(the asymmetric reconstruction of Zhang et al. 2016, arXiv:1505.06798, section 3.3), so that later layers also mend what
earlier ones could not. Where an output only goes into a sum whose other side is known by then, as at the end of a
residual branch, the sum is what is reproduced, which makes up for the error on the other side.

Where a ReLU or a clip follows, what it cuts off need not be reproduced, only to be cut off again: outputs below the
limit may be anything below it. That is still a convex problem, solved by normal equations whose wanted outputs beyond a
limit are replaced by what the last solution gives there (after the nonlinear reconstruction of Zhang et al. 2016,
section 3.2).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import TypeAlias

import numpy as np
import torch

from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.relu import Relu
from lissom.ir.tensors import to_tensor
from lissom.ir.types import Array
from lissom.ir.values import Const, Value, producer
from lissom.passes import notes
from lissom.passes.least_squares.equations import Equations
from lissom.passes.least_squares.linear import WIDEST, Linear, Matrix, linear
from lissom.passes.least_squares.rows import Positions
from lissom.passes.least_squares.walk import Walk

ROWS = 64
"""Equations for each weight of an output channel, as far as the data has them."""

MINIMUM = 16384
"""Equations for a layer, at least, where there are so many."""

STEPS = 8
"""Times a layer in front of a ReLU is solved again; more gain nothing."""

Known: TypeAlias = Mapping[Value, torch.Tensor]


@dataclass(frozen=True, eq=False)
class Goal:
    """What a layer is to give: ``end`` of the original, of it the ``channels`` named (None: all), less ``others`` as
    they are now."""

    end: Value
    others: tuple[Value, ...] = ()
    channels: Array | None = None

    def whole(self, found: Linear, before: Known) -> torch.Tensor:
        """What the layer and the others together are to give."""
        y = before[self.end]
        return y if self.channels is None else y.index_select(found.output_axis, torch.from_numpy(self.channels))

    def rest(self, like: torch.Tensor, now: Known) -> torch.Tensor:
        """What the others give of that."""
        rest = torch.zeros_like(like)
        for v in self.others:
            rest = rest + (to_tensor(v.data, v.type.dtype) if isinstance(v, Const) else now[v])
        return rest

    @property
    def limits(self) -> tuple[float, float] | None:
        """Where a ReLU or clip that alone reads the end cuts it off; None where there is none."""
        match self.end.users:
            case [Relu()]:
                limits = 0.0, inf
            case [Clip(_, Const() | None as low, Const() | None as high)]:
                limits = -inf if low is None else float(low.data), inf if high is None else float(high.data)
            case _:
                return None
        graph = self.end.users[0].graph
        return None if graph is None or graph.is_output(self.end) else limits


def goal_of(op: Op, graph: Graph, was: Mapping[Value, Value]) -> Goal:
    """The sum that ``op`` only goes into, as far as its other sides are known before ``op`` is; else its own output.

    ``was`` maps values of ``graph`` to those of the original they stand for.
    """
    end: Value = op
    others: list[Value] = []
    while len(end.users) == 1 and not graph.is_output(end):
        (user,) = end.users
        if not isinstance(user, Add) or user not in was or user.type != op.type or user.a is user.b:
            break
        other = user.b if user.a is end else user.a
        made = producer(other)
        if made is not None and not graph.precedes(made, op):
            break
        others.append(other)
        end = user
    return Goal(was[end], tuple(others))


def behind(graph: Graph, changed: Collection[Op]) -> list[Op]:
    """``changed`` and all ops that compute something else because of them, in the order of the graph."""
    found: dict[Op, None] = {}
    for op in graph.ops:
        if op in changed or any(producer(v) in found for v in op.operands):
            found[op] = None
    return list(found)


def solvable(ops: Iterable[Op], by: str) -> list[Op]:
    """The layers among ``ops`` that can be solved; a note of the pass ``by`` says why others cannot."""
    found = []
    for op in ops:
        layer = linear(op)
        if layer is None:
            continue
        if len(layer.weight.users) > 1:  # shared weights stay shared, and as they are
            notes.refused(by, op, "its weights are shared with other ops")
        elif layer.inputs > WIDEST:
            notes.refused(by, op, f"it has more than {WIDEST} inputs")
        else:
            found.append(op)
    return found


def solve_layers(
    original: Graph,
    graph: Graph,
    goals: Mapping[Op, Goal],
    feeds: list[dict[str, Array]],
    *,
    ridge: float,
    seed: int,
    by: str,
) -> None:
    """Solve the layers of ``graph`` that have goals, in place; ``ridge`` holds them near the weights they have."""
    before = Walk(original, feeds, (goal.end for goal in goals.values()))
    after = Walk(graph, feeds, (v for goal in goals.values() for v in goal.others))
    rng = np.random.default_rng(seed)
    solved: dict[Op, tuple[Matrix, Matrix]] = {}
    for op in list(graph.ops):
        found = linear(op) if op in goals else None
        if found is None:
            after.run(op)
            continue
        goal = goals[op]
        before.advance(goal.end)
        solved[op] = _solved(found, goal, before, after, ridge, rng)
        after.run(op, found.rebuilt(*solved[op]))
        after.done_with(goal.others)
        before.done_with([goal.end])
    for op, solution in solved.items():
        now = linear(op)  # seen anew: by now it reads what was replaced before it
        assert now is not None
        notes.done(by, op)
        graph.replace(op, now.rebuilt(*solution))


def _solved(
    found: Linear, goal: Goal, before: Walk, after: Walk, ridge: float, rng: np.random.Generator
) -> tuple[Matrix, Matrix]:
    """New weights and bias, from all batches."""
    old, old_bias = matrix, bias = found.matrix(), found.bias()
    each = -(-max(ROWS * found.inputs, MINIMUM) // len(after.values))
    drawn: list[tuple[Positions, Matrix, Matrix]] = []
    for known, now in zip(before.values, after.values, strict=True):
        y = goal.whole(found, known)
        at = found.positions(y, each, rng)
        drawn.append((at, found.outputs(y, at), found.outputs(goal.rest(y, now), at)))
    limits = goal.limits
    for step in range(1 if limits is None else 1 + STEPS):
        equations = Equations(*matrix.shape)
        for now, (at, whole, rest) in zip(after.values, drawn, strict=True):
            a = found.rows(now[found.x], at)
            wanted = whole
            if limits is not None and step:
                wanted = _beyond(whole, a @ matrix + bias[:, None] + rest, *limits)
            equations.add(a, wanted - rest - (a @ old + old_bias[:, None]))
        change, shift = equations.solved(ridge)
        matrix, bias = old + change, old_bias + shift
    return matrix, bias


def _beyond(wanted: Matrix, given: Matrix, low: float, high: float) -> Matrix:
    """``wanted``, but where that is beyond a limit what is given, if it is beyond too, or else the limit."""
    below = np.where(wanted <= low, np.minimum(given, low), wanted)
    return np.where(wanted >= high, np.maximum(given, high), below)
