"""The steps of a recurrent network: what stands at the same place of two steps lies on one grid.

A layer that reads its own earlier result has been laid out step by step. With one grid for each place in a step, the
integers of weights, biases and tables are the same at all steps, and are stored once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import pairwise

from lissom.ir.graph import Graph
from lissom.ir.op import Kind, Op
from lissom.ir.values import Const, Result, Value, producer
from lissom.passes.quantize.layers import unquantized, weight_of


def same_places(graph: Graph) -> Iterator[tuple[Value, Value]]:
    """Values of one step, each with the one at its place in the next: found from layer to layer in lockstep."""
    pending = [pair for calls in repeated_layers(graph) for pair in pairwise(calls)]
    seen = set(pending)
    while pending:
        p, q = pending.pop()
        yield from zip(p.results, q.results, strict=True)
        met = list(_readers(p, q))
        for a, b in _operands(p, q):
            yield a, b
            made = producer(a), producer(b)
            if made[0] is not None and made[1] is not None and _place(a) == _place(b):
                met.append((made[0], made[1]))
        for a, b in met:
            if (a, b) not in seen and a is not b and _says(a) == _says(b):
                seen.add((a, b))
                pending.append((a, b))


def repeated_layers(graph: Graph) -> Iterator[list[Op]]:
    """The layers with the same weights, in order, of which the first leads to the others."""
    calls: dict[Value, list[Op]] = {}
    for op in graph.ops:
        w = weight_of(op)
        if w is not None:
            calls.setdefault(unquantized(w), []).append(op)
    for same in calls.values():
        if len(same) > 1:
            behind = _behind(same[0])
            yield [op for op in same if op is same[0] or op in behind]


def _behind(op: Op) -> set[Op]:
    found: set[Op] = set()
    pending = [op]
    while pending:
        for r in pending.pop().results:
            for user in r.users:
                if user not in found:
                    found.add(user)
                    pending.append(user)
    return found


def _says(op: Op) -> Hashable:
    """What an op does, but for the values it computes with."""
    told = [repr(getattr(op, f.name)) for f in type(op).fields if f.kind is Kind.attribute]
    return (type(op), *told, *(v.type.dims if isinstance(v, Const) else None for v in op.operands))


def _place(v: Value) -> int:
    return v.index if isinstance(v, Result) else 0


def _operands(p: Op, q: Op) -> Iterator[tuple[Value, Value]]:
    for a, b in zip(p.operands, q.operands, strict=True):
        if a is not b and not isinstance(a, Const) and not isinstance(b, Const):
            yield a, b


def _readers(p: Op, q: Op) -> Iterator[tuple[Op, Op]]:
    """Ops that read results of ``p`` and of ``q`` at the same place, the first ones of each kind together."""
    for a, b in zip(p.results, q.results, strict=True):
        theirs: dict[Hashable, list[Op]] = {}
        for user in b.users:
            theirs.setdefault(_reads(user, b), []).append(user)
        for user in a.users:
            if same := theirs.get(_reads(user, a)):
                yield user, same.pop(0)


def _reads(op: Op, v: Value) -> Hashable:
    """How ``op`` reads ``v``: at which place, beside which constants."""
    return _says(op), op.operands.index(v), tuple(o for o in op.operands if isinstance(o, Const))
