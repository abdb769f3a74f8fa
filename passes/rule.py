"""Rewrite rules: typed functions on an op, with ``match`` as the pattern language, and the driver that runs them.

    @rule
    def double_negation(neg: Neg) -> Value | None:
        '''-(-x)  =>  x.'''
        match neg:
            case Neg(Neg(x)):
                return x
        return None

A rule returns what its root shall be replaced by, None where its pattern does not match, or raises :class:`Refused`
where the pattern matches but a condition does not hold; ``explain`` shows the reason.
"""

from __future__ import annotations

import inspect
import typing
from collections import Counter, deque
from collections.abc import Callable, Iterable
from types import UnionType
from typing import Any, TypeAlias, Union

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.op import Kind, Op
from lissom.ir.values import Const, Value, producer
from lissom.passes import notes

Rewritten: TypeAlias = Value | tuple[Value, ...] | None
"""What the first result of the root, or each of its results, is replaced by; None: nothing."""


class Refused(Exception):
    """Raised by a rule at an op it could rewrite, but must not; the text says why."""


class Rule:
    """A rewrite rule: a function of an op, and the op classes it looks at."""

    def __init__(self, function: Callable[[Any], Rewritten]) -> None:
        self.function = function
        self.name = function.__name__
        self.doc = inspect.getdoc(function) or ""
        self.roots = _roots(function)

    def __call__(self, op: Op) -> Rewritten:
        return self.function(op)

    def __repr__(self) -> str:
        return f"<rule {self.name}>"


def rule(function: Callable[[Any], Rewritten]) -> Rule:
    """Declare a rewrite rule. The annotation of its parameter names the root: an op class, a base class or a union."""
    return Rule(function)


def _roots(function: Callable[[Any], Rewritten]) -> tuple[type[Op], ...]:
    parameters = list(inspect.signature(function).parameters)
    hint = typing.get_type_hints(function).get(parameters[0]) if len(parameters) == 1 else None
    roots = typing.get_args(hint) if typing.get_origin(hint) in (Union, UnionType) else (hint,)
    if not all(inspect.isclass(r) and issubclass(r, Op) for r in roots):
        raise Error(f"rule {function.__name__!r} takes one parameter, annotated with the op class it is rooted at")
    return roots


def rewrite(graph: Graph, rules: Iterable[Rule]) -> Counter[str]:
    """Apply ``rules`` wherever they match, until none does. Returns how often each rule fired.

    Ops are visited in topological order, and the first rule that fires wins. After a rewrite the new ops, the readers
    of the new value and the ops the old one read are looked at again; when the worklist is empty and something has
    changed, one more sweep over the whole graph catches what a deeper pattern may now match. Each sweep is linear in
    the size of the graph plus the number of rewrites; two or three sweeps are usual.

    Raises Error, naming the rule, when a rule keeps firing or changes the type of a value.
    """
    rules = list(rules)
    by_class: dict[type[Op], list[Rule]] = {}
    fired: Counter[str] = Counter()
    allowed = 16 * len(graph) + 1000
    changed = True
    while changed:
        changed = False
        queue = deque(graph.ops)
        waiting = set(queue)
        while queue:
            op = queue.popleft()
            waiting.discard(op)
            if op.graph is not graph:
                continue
            if type(op) not in by_class:
                by_class[type(op)] = [r for r in rules if isinstance(op, r.roots)]
            for r in by_class[type(op)]:
                new = _attempt(r, op)
                if new is None:
                    continue
                touched = [t for t in _install(graph, r, op, new) if t.graph is graph and t not in waiting]
                queue.extendleft(reversed(touched))
                waiting.update(touched)
                fired[r.name] += 1
                changed = True
                if (allowed := allowed - 1) < 0:
                    name, count = fired.most_common(1)[0]
                    raise Error(
                        f"the rewriting does not end: rule {name!r} has fired {count} times, "
                        f"last {r.name!r} at {op.describe()}"
                    )
                break
    return fired


def _attempt(r: Rule, op: Op) -> Rewritten:
    try:
        new = r(op)
    except Refused as reason:
        notes.refused(r.name, op, str(reason))
        return None
    if isinstance(new, Value) and not is_used(op):
        return None  # an op that lives on for its other results only
    return new


def _install(graph: Graph, r: Rule, op: Op, new: Value | tuple[Value, ...]) -> list[Op]:
    """Put ``new`` in the place of ``op``; returns the ops that may match differently now."""
    for was, now in zip(op.results, new if isinstance(new, tuple) else (new,), strict=False):
        if was is now and not isinstance(new, tuple):
            raise Error(f"rule {r.name!r} replaces {op.describe()} by itself; return None where there is nothing to do")
        if not _same_type(was, now):
            raise Error(f"rule {r.name!r} changes the type of {op.describe()} from {was.type} to {now.type}")
    fresh = _christen(op, new if isinstance(new, tuple) else (new,))
    above = [made for v in op.operands if (made := producer(v)) is not None]
    notes.done(r.name, op)
    graph.replace(op, new)
    below = [u for v in (new if isinstance(new, tuple) else (new,)) for u in v.users]
    return list(dict.fromkeys([*above, *fresh, *below]))


def _same_type(was: Value, now: Value) -> bool:
    if was.type == now.type:
        return True
    a, b = was.type.shape, now.type.shape
    if was.type.dtype is not now.type.dtype or (a is not None and b is not None and len(a) != len(b)):
        return False
    return all(
        not (isinstance(d, int) and isinstance(e, int)) or d == e for d, e in zip(a or (), b or (), strict=False)
    )


def _christen(root: Op, new: tuple[Value, ...]) -> list[Op]:
    """Give new ops and constants without a name one that says which op they come from; returns the new ops."""
    fresh: dict[Op, None] = {}
    pending = [op for v in new if (op := producer(v)) is not None]
    tops = set(pending)
    while pending:
        op = pending.pop()
        if op.graph is not None or op in fresh:
            continue
        fresh[op] = None
        if not op.name:
            op.named(root.name if op in tops or not root.name else f"{root.name}.{op.op_type.lower()}")
        op.loc = op.loc or root.loc
        for f in type(op).fields:
            held = None if f.kind in (Kind.attribute, Kind.variadic) else getattr(op, f.name)
            if isinstance(held, Const) and not held.name and held.graph is None:
                held.name = f"{op.name or op.op_type.lower()}.{f.name}"
        pending += [made for v in op.operands if (made := producer(v)) is not None]
    return list(reversed(fresh))


def is_used(value: Value) -> bool:
    """True when an op reads the value or the graph returns it."""
    return bool(value.users) or (value.graph is not None and value.graph.is_output(value))


def read_once(value: Value) -> bool:
    """True when exactly one op reads the value and the graph does not return it: without that op it is dead."""
    return len(value.users) == 1 and not (value.graph is not None and value.graph.is_output(value))
