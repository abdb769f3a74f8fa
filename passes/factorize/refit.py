"""Least squares on data for the ops that end a chain, and for the layers behind: they give what the layer gave before.

Layers are solved in order, each on the input that the solved ones before it leave it (the asymmetric reconstruction of
Zhang et al. 2016, arXiv:1505.06798, section 3.3). Where the output goes into a residual sum, the sum is reproduced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.tensors import to_tensor
from lissom.ir.types import Array
from lissom.ir.values import Const, Value, producer
from lissom.passes import notes
from lissom.passes.prune.linear import Linear, Matrix, linear
from lissom.passes.prune.recover import MINIMUM, ROWS, Equations, Walk

RIDGE = 1e-2
"""How much the weights of the chain count against the data: with less, weights grow that amplify what is rounded."""


@dataclass(frozen=True, eq=False)
class Fit:
    """``op`` is to give the channels ``channels`` (None: all) of what ``tail`` stands for."""

    op: Op
    tail: Op
    channels: Array | None = None


@dataclass(frozen=True, eq=False)
class _Target:
    """What an op is to make up: ``end`` of the original minus ``others`` as they are now."""

    end: Value
    others: list[Value]
    channels: Array | None


def refit(
    original: Graph,
    graph: Graph,
    was: Mapping[Value, Value],
    fits: Iterable[Fit],
    feeds: list[dict[str, Array]],
    seed: int,
) -> None:
    """Solve the ops of ``fits`` in place. ``was`` maps values of ``graph`` to those of ``original`` they stand for."""
    fits = [*fits]
    targets = {f.op: _target(f, graph, was) for f in [*fits, *_behind(graph, was, fits)] if linear(f.op) is not None}
    before = Walk(original, feeds, (t.end for t in targets.values()))
    after = Walk(graph, feeds, (v for t in targets.values() for v in t.others))
    rng = np.random.default_rng(seed)
    solved: dict[Op, tuple[Matrix, Matrix]] = {}
    for op in graph.ops:
        found = linear(op) if op in targets else None
        if found is None:
            after.run(op)
            continue
        target = targets[op]
        before.advance(target.end)
        solved[op] = _solved(found, before, after, target, rng)
        after.run(op, found.rebuilt(*solved[op]))
        after.done_with(target.others)
        before.done_with([target.end])
    for op, solution in solved.items():
        now = linear(op)  # by now it reads what was replaced before it
        assert now is not None
        notes.done("refit", op)
        graph.replace(op, now.rebuilt(*solution))


def _behind(graph: Graph, was: Mapping[Value, Value], fits: Iterable[Fit]) -> list[Fit]:
    """The layers that read what has changed: they too can mend it, and cost no more than before."""
    changed = {f.op for f in fits}
    known = set(changed)
    found = []
    for op in graph.ops:
        if any(producer(v) in changed for v in op.operands):
            changed.add(op)
            shared = any(len(v.users) > 1 for v in op.operands if isinstance(v, Const))
            if op in was and op not in known and not shared:
                found.append(Fit(op, op))
    return found


def _target(fit: Fit, graph: Graph, was: Mapping[Value, Value]) -> _Target:
    end: Value = fit.tail
    others: list[Value] = []
    while fit.channels is None and fit.op is fit.tail and len(end.users) == 1 and not graph.is_output(end):
        (user,) = end.users
        if not isinstance(user, Add) or user not in was or user.type != fit.op.type or user.a is user.b:
            break
        other = user.b if user.a is end else user.a
        made = producer(other)
        if made is not None and not graph.precedes(made, fit.op):
            break
        others.append(other)
        end = user
    return _Target(was[end], others, fit.channels)


def _solved(
    found: Linear, before: Walk, after: Walk, target: _Target, rng: np.random.Generator
) -> tuple[Matrix, Matrix]:
    matrix, bias = found.matrix(), found.bias()
    equations = Equations(*matrix.shape)
    each = max(ROWS * matrix.shape[1], MINIMUM) // len(after.values) + 1
    for known, now in zip(before.values, after.values, strict=True):
        y = known[target.end]
        for v in target.others:
            y = y - (to_tensor(v.data, v.type.dtype) if isinstance(v, Const) else now[v])
        if target.channels is not None:
            y = y.index_select(found.channel_axis(y), torch.from_numpy(target.channels))
        at = found.positions(y, each, rng)
        a = found.rows(now[found.x], at)
        equations.add(a, found.outputs(y, at) - (a @ matrix + bias[:, None]))
    change, shift = equations.solved(RIDGE)
    return matrix + change, bias + shift
