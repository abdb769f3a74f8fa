"""What will be written: the opset that has every op, and one node for each op, or for each group that was one node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import onnx

from lissom.backends.onnx.express import Expressed, express
from lissom.ir.errors import Unsupported
from lissom.ir.graph import Graph
from lissom.ir.importers.onnx.attributes import thaw_attribute
from lissom.ir.importers.onnx.records import Envelope, NodeRecord
from lissom.ir.importers.onnx.schema import NEWEST, is_default_domain, same_schema, schema
from lissom.ir.importers.onnx.subgraphs import bodies
from lissom.ir.op import Op
from lissom.ir.ops.opaque import Opaque
from lissom.ir.types import Array
from lissom.ir.values import Const, Value, producer

FIRST_OPSET = 17
"""The opset a graph that was not read from ONNX starts from; it is raised as far as its ops need."""


@dataclass
class Planned:
    """One node to write. ``results`` are its outputs, None for one left out; ``record`` is what was read for it."""

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
    opset = start = graph.origin.opset if isinstance(graph.origin, Envelope) else FIRST_OPSET
    ops = graph.ops
    unread = _unread(graph, ops)
    whole = dict(_intact(graph, ops, unread))
    while True:
        planned: list[Planned] = []
        for op in ops:
            group = whole.get(op)
            if group is not None and same_schema(op.origin.proto.op_type, start, opset):
                if op is group[-1]:
                    planned.append(_as_read(op, group, unread))
                continue
            made = _opaque(op, opset, start) if isinstance(op, Opaque) else _spelled(op, opset)
            if isinstance(made, int):
                opset = made
                break
            planned.append(made)
        else:
            for p in planned:
                p.results = p.results or _results(graph, p, opset)
            return opset, _with_constants(graph, planned)


def loose_constants(graph: Graph) -> list[Const]:
    """Constants to write although no op reads them: outputs, and what nothing read in the file either."""
    unused = graph.origin.unused if isinstance(graph.origin, Envelope) else ()
    return [*(v for v in graph.outputs if isinstance(v, Const)), *unused]


def _with_constants(graph: Graph, planned: list[Planned]) -> list[Planned]:
    """The nodes, with Constant nodes of the file among them: at their old places, or earlier where they are needed."""
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
    least = found.min_output if found else len(op.results)
    if found is not None and found.outputs and found.max_output > len(found.outputs):
        least = len(op.results)  # as many as an operand says
    if planned.record:
        least = len(planned.record.proto.output)
    used = [bool(r.users) or graph.is_output(r) for r in op.results]
    count = max([i + 1 for i, u in enumerate(used) if u], default=0)
    bare = planned.record is not None  # the file left out the names that are missing
    listed = [r if u or r.name or not bare else None for r, u in zip(op.results, used, strict=True)]
    return listed[: max(least, count)]


def _intact(graph: Graph, ops: tuple[Op, ...], unread: Mapping[str, Value]) -> Iterator[tuple[Op, list[Op]]]:
    """By op, the ops that the same node of the file became, where they still say what the node said."""
    groups: dict[int, list[Op]] = {}
    for op in ops:
        if isinstance(op.origin, NodeRecord) and not isinstance(op, Opaque):
            groups.setdefault(id(op.origin.proto), []).append(op)
    for group in groups.values():
        group.sort(key=lambda o: o.origin.part)
        record: NodeRecord = group[0].origin
        if [o.origin.part for o in group] != list(range(record.parts)):
            continue
        members = set(group)
        given = [None if place is None else group[place[0]].results[place[1]] for place in record.gives]
        makers = [o for v in given if v is not None and (o := producer(v)) is not None]
        same_elements = all([r.type.dtype for r in o.results] == [t.dtype for t in o.origin.types] for o in makers)
        private = all(
            (set(r.users) <= members and not graph.is_output(r))
            if r not in given
            else all(u in members or graph.precedes(group[-1], u) for u in r.users)
            for o in group
            for r in o.results
        )
        if (
            all(place in unread for place in record.reads if isinstance(place, str))
            and same_elements
            and private
            and all(_holds(group[i].operands[j], data) for i, j, data in record.made)
        ):
            for op in group:
                yield op, group


def _holds(value: Value, data: Array) -> bool:
    return isinstance(value, Const) and value.data.dtype == data.dtype and value.data.tobytes() == data.tobytes()


def _unread(graph: Graph, ops: tuple[Op, ...]) -> dict[str, Value]:
    """By name, what a node may have read without need: inputs, results, and constants that nothing reads."""
    unused = graph.origin.unused if isinstance(graph.origin, Envelope) else ()
    results = (r for op in ops for r in op.results)
    return {v.name: v for v in (*results, *graph.inputs, *unused)}


def _as_read(op: Op, group: list[Op], unread: Mapping[str, Value]) -> Planned:
    """The node that ``group`` was read from, reading the group's current operands."""
    record: NodeRecord = op.origin
    inputs = [
        unread[place] if isinstance(place, str) else place and group[place[0]].operands[place[1]]
        for place in record.reads
    ]
    results: list[Value | None] = []
    if len(group) > 1:
        results = [None if place is None else group[place[0]].results[place[1]] for place in record.gives]
    return Planned(
        op, record.proto.op_type, record.proto.domain, inputs, list(record.proto.attribute), record, results=results
    )


def _spelled(op: Op, opset: int) -> Planned | int:
    """The node that says what the op's fields say, or the higher opset that takes."""
    if op.domain:
        raise Unsupported(f"{op.describe()}: ONNX has no op for {op.domain}.{op.op_type}; lower it first")
    record = op.origin if isinstance(op.origin, NodeRecord) and op.origin.parts == 1 else None
    reason = ""
    for candidate in range(opset, NEWEST + 1):
        made = express(op, candidate)
        if isinstance(made, Expressed):
            if candidate > opset:
                return candidate
            return Planned(op, op.op_type, "", list(made.inputs), made.attributes, record)
        reason = reason or made
    raise Unsupported(f"{op.describe()} cannot be written as ONNX: {reason}, nor has any up to {NEWEST}")


def _opaque(op: Opaque, opset: int, start: int) -> Planned:
    """The node as it was read; raises Unsupported where a newer opset would change its meaning."""
    record = op.origin if isinstance(op.origin, NodeRecord) else None
    if opset > start:
        _require_unchanged(op, op.kind, op.of_domain, start, opset)
    attributes = list(record.proto.attribute) if record else [thaw_attribute(*pair) for pair in op.attrs]
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
    if is_default_domain(domain) and not same_schema(kind, start, opset):
        raise Unsupported(
            f"{op.describe()} cannot be written: other ops need opset {opset}, where {kind} is no longer what it was "
            f"at opset {start}, and lissom has no meaning for it; convert the model to opset {opset} before loading it"
        )
