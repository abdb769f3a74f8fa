"""A graph run op by op on all batches at once, so that an op can be changed before the next one is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import torch

from lissom.ir.graph import Graph
from lissom.ir.interpreter import execute, run_op
from lissom.ir.op import Op
from lissom.ir.tensors import to_tensor
from lissom.ir.types import Array
from lissom.ir.values import Const, Value
from lissom.passes.data import Data

BATCH = 64


def feeds_of(data: Data, count: int) -> list[dict[str, Array]]:
    """The first ``count`` samples, or a few more, in batches."""
    feeds, seen = [], 0
    for batch in data.batches(min(BATCH, count)):
        feeds.append(batch.feed)
        seen += batch.count
        if seen >= count:
            break
    return feeds


def observe(graph: Graph, feeds: list[dict[str, Array]], watch: Callable[[Value, torch.Tensor], None]) -> None:
    """Run a graph on every batch, and show ``watch`` all inputs and results."""
    for feed in feeds:
        tensors = {i: to_tensor(feed[i.name], i.type.dtype) for i in graph.inputs}
        for i, tensor in tensors.items():
            watch(i, tensor)
        with torch.no_grad():
            execute(graph, tensors, observe=watch)


class Walk:
    """A value is kept until its last reader and everyone in ``wanted`` had it."""

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
        """Say that someone who wanted these has had them."""
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
