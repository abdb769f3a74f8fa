"""The verifier: a list of rules, each one invariant of a graph. It runs after every pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from lissom.ir.errors import Error, VerifyError
from lissom.ir.graph import Graph, Stage
from lissom.ir.op import Op
from lissom.ir.printer import print_around
from lissom.ir.types import dtype_of
from lissom.ir.values import Const, Value, producer

Fault = tuple[Op | None, str]


def verify(graph: Graph) -> None:
    """Raise VerifyError for the first broken invariant, showing the IR around the op at fault."""
    for rule in RULES:
        for op, message in rule(graph):
            message = f"{message} [{rule.__name__}]"
            where = "" if op is None else "\n" + print_around(graph, op, message)
            raise VerifyError(f"graph {graph.name!r}: {message}{where}")


def ownership(graph: Graph) -> Iterator[Fault]:
    """Inputs, ops, their results and their operands belong to this graph."""
    for v in (*graph.inputs, *graph.outputs):
        if v.graph is not graph:
            yield None, f"{v!r} is not owned by the graph"
    for op in graph.ops:
        for v in (*op.results, *op.operands):
            if v.graph is not graph:
                yield op, f"{v!r} is not owned by the graph"


def topological_order(graph: Graph) -> Iterator[Fault]:
    """Every op stands after the ops it reads, and the graph knows how many it has."""
    seen: set[Value] = set(graph.inputs)
    for op in graph.ops:
        for v in op.operands:
            if not isinstance(v, Const) and v not in seen:
                yield op, f"{v!r} is read before it is computed"
        seen.update(op.results)
    for v in graph.outputs:
        if not isinstance(v, Const) and v not in seen:
            yield None, f"output {v!r} is computed by no op"
    if len(graph) != sum(1 for _ in graph.ops):
        yield None, f"the graph counts {len(graph)} ops but lists {len(graph.ops)}"


def use_lists(graph: Graph) -> Iterator[Fault]:
    """``value.users`` lists exactly the ops that read the value."""
    reads: dict[Value, Counter[Op]] = {}
    for op in graph.ops:
        for v in op.operands:
            reads.setdefault(v, Counter())[op] += 1
    values = {*graph.inputs, *reads, *(r for op in graph.ops for r in op.results)}
    for v in values:
        if dict(v._users) != dict(reads.get(v, {})):
            listed = ", ".join(o.describe() for o in v._users) or "nobody"
            yield producer(v), f"{v!r} lists as its users: {listed}"


def types(graph: Graph) -> Iterator[Fault]:
    """The declared type of every result is the one its op infers."""
    for op in graph.ops:
        try:
            inferred = op.infer()
        except Error as e:
            yield op, str(e)
            continue
        found = inferred if isinstance(inferred, tuple) else (inferred,)
        declared = tuple(r.type for r in op.results)
        if declared != found:
            yield op, f"declared {declared}, inferred {found}"


def constants(graph: Graph) -> Iterator[Fault]:
    """Constants are read-only and of their declared type."""
    for c in graph.consts:
        user = next(iter(c.users), None)
        if c.data.flags.writeable:
            yield user, f"the data of {c!r} is writable"
        if (c.type.dtype, c.type.shape) != (dtype_of(c.data), c.data.shape):
            yield user, f"{c!r} holds {dtype_of(c.data)}{list(c.data.shape)}"


def names(graph: Graph) -> Iterator[Fault]:
    """Inputs and outputs have public names, each its own."""
    for kind, public in (("input", [i.name for i in graph.inputs]), ("output", list(graph.output_names))):
        for name, count in Counter(public).items():
            if not name or count > 1:
                yield None, f"{count} {kind}s are called {name!r}"


def legality(graph: Graph) -> Iterator[Fault]:
    """Every op may stand in the stage the graph is in."""
    allowed = LEGAL[graph.stage]
    for op in graph.ops:
        reason = allowed(op)
        if reason:
            yield op, f"{op.describe()} is not legal in a graph that is {graph.stage.value}: {reason}"


def _undecided(op: Op) -> str | None:
    if op.op_type in DECISIONS:
        return "it is a decision that is still to be realized"
    return None


def _lowered(op: Op) -> str | None:
    if op.op_type in DECISIONS:
        return _undecided(op)
    if type(op).__name__ == "Opaque":
        return "there is no code for an op without a meaning"
    if any(r.type.static is None for r in op.results):
        return f"its size is not a number: {op.type}"
    return None


DECISIONS = frozenset({"Binarize", "FakeQuant", "Mask", "Ternarize"})
"""Ops that record a decision of a decide pass; a realize pass turns them into what they stand for."""

LEGAL: dict[Stage, Callable[[Op], str | None]] = {
    Stage.imported: _undecided,
    Stage.decided: lambda op: None,
    Stage.realized: _undecided,
    Stage.lowered: _lowered,
}
"""For each stage, why an op may not stand in it (None: it may)."""

RULES: tuple[Callable[[Graph], Iterator[Fault]], ...] = (
    ownership,
    topological_order,
    use_lists,
    types,
    constants,
    names,
    legality,
)
