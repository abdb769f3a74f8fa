"""Least-squares recovery: what is left of a layer's inputs learns to do what all of them did, without labels.

For every convolution and matrix product behind a removal, weights and bias are solved for that best reproduce the
output of the original network from the input it has now: He et al. 2017 (arXiv:1707.06168, eq. 3), Luo et al. 2017
(arXiv:1707.06342, eq. 7). Layers are solved in order, each on the input that the solved layers before it give, so that
later layers also mend what earlier ones could not. Where an output only goes into a sum whose other side is known, as
at the end of a residual branch, the sum is what is reproduced, which makes up for the error on the other side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import scipy.linalg
import torch

from lissom.ir.graph import Graph
from lissom.ir.interpreter import run_op
from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.tensors import to_tensor
from lissom.ir.types import Array
from lissom.ir.values import Const, Value, producer
from lissom.passes import notes
from lissom.passes.data import Data
from lissom.passes.prune.linear import WIDEST, Linear, Matrix, Positions, linear

RIDGE = 1e-3
"""How much the old weights count: relative to the mean square of the inputs."""

ROWS = 16
"""Equations for each weight of an output channel, as far as the data has them."""

MINIMUM = 4096
"""Equations for a layer, at least, where there are so many."""

BATCH = 64


def samples_of(data: Data, count: int) -> list[dict[str, Array]]:
    """The first ``count`` samples, or a few more, in batches."""
    feeds, seen = [], 0
    for batch in data.batches(min(BATCH, count)):
        feeds.append(batch.feed)
        seen += batch.count
        if seen >= count:
            break
    return feeds


class Walk:
    """A graph run op by op on all batches; a value is kept until its last reader and everyone in ``wanted`` had it."""

    def __init__(self, graph: Graph, feeds: list[dict[str, Array]], wanted: Iterable[Value]) -> None:
        self.pending = iter(list(graph.ops))
        self.left = Counter(v for op in graph.ops for v in op.operands)
        self.left.update(wanted)
        self.values: list[dict[Value, torch.Tensor]] = [
            {i: to_tensor(feed[i.name], i.type.dtype) for i in graph.inputs} for feed in feeds
        ]

    def run(self, op: Op, instead: Op | None = None) -> None:
        """Compute ``op``, or what stands ``instead`` of it and reads the same but for constants."""
        for known in self.values:
            for r, t in zip(op.results, _computed(instead or op, known), strict=True):
                known[r] = t
        self.done_with(op.operands)

    def advance(self, to: Value) -> None:
        """Go on until ``to`` is known."""
        while to not in self.values[0]:
            self.run(next(self.pending))

    def done_with(self, values: Iterable[Value]) -> None:
        self.left.subtract(values)
        for v in set(values):
            if self.left[v] <= 0:
                for known in self.values:
                    known.pop(v, None)


def _computed(op: Op, known: Mapping[Value, torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """The results of an op, and of detached ops under it."""
    env: dict[Value, torch.Tensor] = {}
    for v in op.operands:
        if isinstance(v, Const):
            env[v] = to_tensor(v.data, v.type.dtype)
        elif v in known:
            env[v] = known[v]
        else:
            assert isinstance(v, Op)
            (env[v],) = _computed(v, known)
    with torch.no_grad():
        return run_op(op, env)


class Equations:
    """Normal equations of a change of weights and bias, accumulated in float64."""

    def __init__(self, groups: int, inputs: int, outputs: int) -> None:
        self.count = 0
        self.gram = np.zeros((groups, inputs, inputs))
        self.cross = np.zeros((groups, inputs, outputs))
        self.sum_in = np.zeros((groups, inputs))
        self.sum_out = np.zeros((groups, outputs))

    def add(self, a: Matrix, missing: Matrix) -> None:
        """Rows ``a`` (groups, rows, inputs), and what is missing there (groups, rows, outputs)."""
        self.count += a.shape[1]
        self.gram += a.transpose(0, 2, 1) @ a
        self.cross += a.transpose(0, 2, 1) @ missing
        self.sum_in += a.sum(1)
        self.sum_out += missing.sum(1)

    def solved(self, ridge: float) -> tuple[Matrix, Matrix]:
        """The changes of weights and bias that make up for what is missing, small ones preferred by ``ridge``."""
        weights, biases = [], []
        for gram, cross, a, y in zip(self.gram, self.cross, self.sum_in / self.count, self.sum_out, strict=True):
            centred = gram - self.count * np.outer(a, a)
            diagonal = np.diagonal(gram)
            used = diagonal > 0
            change = np.zeros(cross.shape)
            if used.any():
                few = centred[np.ix_(used, used)]
                few[np.diag_indices_from(few)] += ridge * diagonal[used].mean()
                change[used] = scipy.linalg.solve(few, (cross - np.outer(a, y))[used], assume_a="pos")
            weights.append(change)
            biases.append(y / self.count - a @ change)
        return np.stack(weights), np.stack(biases)


def recover_weights(
    original: Graph,
    decided: Graph,
    stands: Mapping[Value, Value],
    data: Data,
    *,
    samples: int,
    ridge: float = RIDGE,
    seed: int = 0,
) -> None:
    """Solve the linear ops of ``decided`` behind a removal, in place, so that they do what those of ``original`` did.

    ``stands`` maps values of ``original`` to those that stand for them in ``decided``, where there is one.
    """
    was = {new: old for old, new in stands.items()}
    feeds = samples_of(data, samples)
    targets = {op: _target(op, decided, was) for op in _changed(decided, stands, was) if _solvable(op)}
    before = Walk(original, feeds, (was[end] for end, _ in targets.values()))
    after = Walk(decided, feeds, (v for _, others in targets.values() for v in others))
    rng = np.random.default_rng(seed)
    solved: dict[Op, tuple[Matrix, Matrix]] = {}
    for op in list(decided.ops):
        found = linear(op) if op in targets else None
        if found is None:
            after.run(op)
            continue
        end, others = targets[op]
        before.advance(was[end])
        solved[op] = _solve(found, before, after, was[end], others, ridge, rng)
        after.run(op, found.rebuilt(*solved[op]))
        after.done_with(others)
        before.done_with([was[end]])
    for op, (matrix, bias) in solved.items():
        found = linear(op)  # seen anew: what it reads may have been replaced
        assert found is not None
        notes.done("recover", op)
        decided.replace(op, found.rebuilt(matrix, bias))


def _changed(graph: Graph, stands: Mapping[Value, Value], was: Mapping[Value, Value]) -> list[Op]:
    """The ops that stand for one of the original, and compute something else because of what they read."""
    changed: dict[Op, None] = {}
    for op in graph.ops:
        old = was.get(op)
        same = isinstance(old, Op) and [stands.get(v) for v in old.operands] == list(op.operands)
        if not same or any(producer(v) in changed for v in op.operands):
            changed[op] = None
    return [op for op in changed if op in was]


def _solvable(op: Op) -> bool:
    """Whether ``op`` is linear and has its weights for itself: shared ones stay shared, and as they are."""
    found = linear(op)
    if found is not None and len(found.weight.users) > 1:
        notes.refused("recover", op, "its weights are shared with other ops")
        return False
    if found is not None and found.matrix().shape[1] > WIDEST:
        notes.refused("recover", op, f"it has more than {WIDEST} inputs")
        return False
    return found is not None


def _target(op: Op, graph: Graph, was: Mapping[Value, Value]) -> tuple[Value, list[Value]]:
    """The sum that ``op`` only goes into, as far as its other sides are known before ``op`` is; and these sides."""
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
    return end, others


def _solve(
    found: Linear,
    before: Walk,
    after: Walk,
    end: Value,
    others: list[Value],
    ridge: float,
    rng: np.random.Generator,
) -> tuple[Matrix, Matrix]:
    """New weights and bias, from all batches."""
    matrix, bias = found.matrix(), found.bias()
    equations = Equations(*matrix.shape)
    each = -(-ROWS * matrix.shape[1] // len(after.values))
    for target, known in zip(before.values, after.values, strict=True):
        y = target[end]
        for v in others:
            y = y - (to_tensor(v.data, v.type.dtype) if isinstance(v, Const) else known[v])
        at: Positions = found.positions(y, max(each, MINIMUM // len(after.values)), rng)
        a = found.rows(known[found.x], at)
        equations.add(a, found.outputs(y, at) - (a @ matrix + bias[:, None]))
    change, shift = equations.solved(ridge)
    return matrix + change, bias + shift
