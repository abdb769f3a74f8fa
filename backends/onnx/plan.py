"""What will be written: the opset that has every op, and one node for each op, or for each group that was one node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import onnx

from lissom.backends.onnx.express import Expressed, express, same_constant
from lissom.ir.errors import Unsupported
from lissom.ir.graph import Graph
from lissom.ir.importers.onnx.attributes import thaw_attribute
from lissom.ir.importers.onnx.records import Envelope, NodeRecord
from lissom.ir.importers.onnx.schema import NEWEST, is_default_domain, schema
from lissom.ir.importers.onnx.subgraphs import bodies
from lissom.ir.op import Kind, Op
from lissom.ir.ops.opaque import Opaque
from lissom.ir.values import Const, Value

FIRST_OPSET = 17
"""The opset a graph that was not read from ONNX starts from; it is raised as far as its ops need."""


@dataclass
class Planned:
    """One node to write. ``results`` are its outputs, None for one that is left out; ``record`` is what was read for it."""

    op: Op | Const
    kind: str
    domain: str
    inputs: list[Value | None]
    attributes: list[onnx.AttributeProto]
    record: NodeRecord | None = None
    captures: tuple[Value, ...] = ()
    results: list[Value | None] = field(default_factory=list)


def plan(graph: Graph) -> tuple[int, list[Planned]]:
    """The opset to write at and the nodes in order.

    The opset is that of the file the graph was read from, raised to the lowest that has every op. Raises Unsupported
    for an op that no opset has, or that cannot follow the others to a newer opset.
    """
    envelope = graph.origin if isinstance(graph.origin, Envelope) else None
    opset = start = envelope.opset if envelope else FIRST_OPSET
    ops = graph.ops
    whole = dict(_intact_groups(graph, ops))
    while True:
        planned: list[Planned] = []
        for op in ops:
            group = whole.get(op)
            if group is not None and opset == start:
                if op is group[-1]:
                    planned.append(_as_read(op, group))
                continue
            made = _node(op, opset, start)
            if isinstance(made, int):
                opset = made
                break
            planned.append(made)
        else:
            for p in planned:
                p.results = _results(graph, p, opset)
            return opset, _with_constants(graph, planned)


def loose_constants(graph: Graph) -> list[Const]:
    """Constants to write although no op reads them: outputs, and what nothing read in the file either."""
    unused = graph.origin.unused if isinstance(graph.origin, Envelope) else ()
    return [*(v for v in graph.outputs if isinstance(v, Const)), *unused]


def _with_constants(graph: Graph, planned: list[Planned]) -> list[Planned]:
    """The nodes with the Constant nodes of the file among them: at their old places, or earlier where they are needed."""
    read = (v for p in planned for v in (*p.inputs, *p.captures))
    found = {v: v.origin for v in (*read, *loose_constants(graph)) if isinstance(v, Const)}
    waiting = sorted(((r.index, v) for v, r in found.items() if isinstance(r, NodeRecord)), key=lambda w: w[0])
    sequence: list[Planned] = []
    done: set[Value] = set()
    position = 0

    def place(const: Const) -> None:
        if const not in done:
            done.add(const)
            proto = const.origin.proto
            sequence.append(
                Planned(const, "Constant", proto.domain, [], list(proto.attribute), const.origin, results=[const])
            )

    for p in planned:
        while p.record and position < len(waiting) and waiting[position][0] < p.record.index:
            place(waiting[position][1])
            position += 1
        for v in (*p.inputs, *p.captures):
            if isinstance(v, Const) and isinstance(v.origin, NodeRecord):
                place(v)
        sequence.append(p)
    for _, const in waiting[position:]:
        place(const)
    return sequence


def _results(graph: Graph, planned: Planned, opset: int) -> list[Value | None]:
    """The results to list: as many as the file did or the schema asks for, and all that are used."""
    op = planned.op
    assert isinstance(op, Op)
    found = schema(planned.kind, opset) if is_default_domain(planned.domain) else None
    least = len(planned.record.proto.output) if planned.record else found.min_output if found else len(op.results)
    used = [bool(r.users) or graph.is_output(r) for r in op.results]
    count = max([i + 1 for i, u in enumerate(used) if u], default=0)
    listed = [r if u or r.name or i < 1 and not op.origin else None for i, (r, u) in enumerate(zip(op.results, used))]
    return listed[: max(least, count)]


def _node(op: Op, opset: int, start: int) -> Planned | int:
    """The node for ``op`` at ``opset``, or the higher opset it needs."""
    record = op.origin if isinstance(op.origin, NodeRecord) and op.origin.parts == 1 else None
    if isinstance(op, Opaque):
        return _opaque(op, record, opset, start)
    if op.domain:
        raise Unsupported(f"{op.describe()}: ONNX has no op for {op.domain}.{op.op_type}; lower it first")
    if record is not None and _same_schema(record.proto.op_type, start, opset):
        kept = _kept(op, record, opset)
        if kept is not None:
            return kept
    reason = ""
    for candidate in range(opset, NEWEST + 1):
        made = express(op, candidate)
        if isinstance(made, Expressed):
            if candidate > opset:
                return candidate
            return Planned(op, op.op_type, "", made.inputs, made.attributes, record)
        reason = reason or made
    raise Unsupported(f"{op.describe()} cannot be written as ONNX: {reason}, nor has any up to {NEWEST}")


def _kept(op: Op, record: NodeRecord, opset: int) -> Planned | None:
    """The node as it was read, reading the op's current operands; None when its attributes no longer hold."""
    proto = record.proto
    found = schema(proto.op_type, opset)
    if found is None:
        return None
    given = {a.name: a for a in proto.attribute}
    inputs: list[Value | None] = []
    for f in type(op).fields:
        held = getattr(op, f.name)
        if f.kind is Kind.variadic:
            inputs += held
        elif f.kind is Kind.attribute:
            continue
        elif len(inputs) < len(proto.input) and f.name not in given:
            inputs.append(held)
        elif held is not None and f.name in found.attributes and f.name not in given:
            inputs.append(held)
        elif not same_constant(f.name, held, given.get(f.name)):
            return None
    inputs += [None] * (len(proto.input) - len(inputs))
    return Planned(op, proto.op_type, proto.domain, inputs, list(proto.attribute), record)


def _as_read(op: Op, group: list[Op]) -> Planned:
    """The one node that a whole group of ops was read from."""
    record = op.origin
    inputs: list[Value | None] = [None if r is None else group[r[0]].operands[r[1]] for r in record.reads]
    inputs += [None] * (len(record.proto.input) - len(inputs))
    return Planned(op, record.proto.op_type, record.proto.domain, inputs, list(record.proto.attribute), record)


def _intact_groups(graph: Graph, ops: tuple[Op, ...]) -> Iterator[tuple[Op, list[Op]]]:
    """The ops that one node of the file became, by each of them, where no pass has come between them."""
    groups: dict[int, list[Op]] = {}
    for op in ops:
        if isinstance(op.origin, NodeRecord) and op.origin.parts > 1:
            groups.setdefault(id(op.origin.proto), []).append(op)
    for group in groups.values():
        group.sort(key=lambda o: o.origin.part)
        if [o.origin.part for o in group] != list(range(group[0].origin.parts)):
            continue
        inner = group[:-1]
        members = set(group)
        if all(set(o.users) <= members and not graph.is_output(o) for o in inner):
            for op in group:
                yield op, group


def _opaque(op: Opaque, record: NodeRecord | None, opset: int, start: int) -> Planned:
    if opset > start:
        _require_unchanged(op, op.kind, op.of_domain, start, opset)
    attributes = [thaw_attribute(name, value) for name, value in op.attrs]
    if record is not None:
        attributes = list(record.proto.attribute)
    node = onnx.NodeProto(attribute=attributes)
    if opset > start:
        for body in bodies(node):
            _require_unchanged_body(op, body, start, opset)
    return Planned(op, op.kind, op.of_domain, list(op.inputs), attributes, record, op.captures)


def _require_unchanged_body(op: Opaque, body: onnx.GraphProto, start: int, opset: int) -> None:
    for inner in body.node:
        _require_unchanged(op, inner.op_type, inner.domain, start, opset)
        for deeper in bodies(inner):
            _require_unchanged_body(op, deeper, start, opset)


def _require_unchanged(op: Op, kind: str, domain: str, start: int, opset: int) -> None:
    if is_default_domain(domain) and not _same_schema(kind, start, opset):
        raise Unsupported(
            f"{op.describe()} cannot be written: other ops need opset {opset}, where {kind} is no longer what it was at "
            f"opset {start}, and lissom has no meaning for it; convert the model to opset {opset} before loading it"
        )


def _same_schema(kind: str, a: int, b: int) -> bool:
    if a == b:
        return True
    first, second = schema(kind, a), schema(kind, b)
    return first is not None and second is not None and first.since_version == second.since_version
