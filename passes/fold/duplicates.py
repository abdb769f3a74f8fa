"""Common subexpressions: what is computed twice is computed once, what is stored twice is stored once."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any

import numpy as np

from lissom.ir.graph import Graph
from lissom.ir.op import Kind, Op
from lissom.ir.ops.opaque import Opaque
from lissom.ir.values import Const, Value
from lissom.passes.rule import Rule, rule

LOOKED_AT = 32
"""How many readers of an operand are compared with an op; more would make wide fan-out quadratic."""


def share_constants(graph: Graph, parameters: Collection[Const]) -> None:
    """Let equal constants be one, unless they are among ``parameters``, those it came with: they may come to differ.

    Parameters made since then have the name of the one they were made of. Where those are equal one was read at several
    places, with the same batch norm behind each, and it stays one.
    """
    first: dict[Any, Const] = {}
    for c in graph.consts:
        if c in parameters:
            continue
        data = hashlib.sha256(np.ascontiguousarray(c.data).tobytes()).digest() if c.data.dtype != object else c
        shared = first.setdefault(((c.name or c) if c.trainable else None, c.type, data), c)
        if shared is not c:
            graph.replace(c, shared)


@rule
def common_subexpression(op: Op) -> Value | tuple[Value, ...] | None:
    """An op equal to an earlier one  =>  the earlier one."""
    operands = [v for v in op.operands if not isinstance(v, Const)]
    if not operands or isinstance(op, Opaque) or op.graph is None:
        return None
    least_read = min(operands, key=lambda v: len(v._users))
    for other in least_read.users[:LOOKED_AT]:
        if other is not op and type(other) is type(op) and op.graph.precedes(other, op) and _equal(other, op):
            return other.results if len(op.results) > 1 else other
    return None


def _equal(a: Op, b: Op) -> bool:
    if [r.type for r in a.results] != [r.type for r in b.results]:
        return False
    for f in type(a).fields:
        mine, theirs = getattr(a, f.name), getattr(b, f.name)
        if f.kind is Kind.attribute:
            same = bool(mine == theirs)
        elif f.kind is Kind.variadic:
            same = len(mine) == len(theirs) and all(map(_same_value, mine, theirs))
        else:
            same = _same_value(mine, theirs)
        if not same:
            return False
    return True


def _same_value(a: Value | None, b: Value | None) -> bool:
    if a is b:
        return True
    match a, b:
        case Const(x) as c, Const(y) as d if not c.trainable and not d.trainable and c.type == d.type:
            return x.tobytes() == y.tobytes() if x.dtype != object else bool((x == y).all())
    return False


RULES: tuple[Rule, ...] = (common_subexpression,)
