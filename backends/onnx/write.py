"""From a graph to a ModelProto: onnx-graphsurgeon writes the nodes, then what it cannot hold is put back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import onnx
import onnx_graphsurgeon as gs
from onnx import helper
from onnx_graphsurgeon.ir.tensor import LazyValues
from onnx_graphsurgeon.logger import G_LOGGER

from lissom.backends.onnx.names import Names
from lissom.backends.onnx.plan import Planned, loose_constants, plan
from lissom.backends.onnx.tensors import Inline, Storage, write_tensor
from lissom.ir.graph import Graph
from lissom.ir.importers.onnx.records import Envelope, NodeRecord
from lissom.ir.importers.onnx.schema import is_default_domain
from lissom.ir.importers.onnx.subgraphs import captured_names, rename_captures
from lissom.ir.importers.onnx.tensors import bring_inside
from lissom.ir.importers.onnx.value_types import read_type, write_type
from lissom.ir.op import Op
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Const, Input, Result, Value, producer

_REWRITTEN = frozenset({"node", "initializer", "sparse_initializer", "value_info", "input", "output"})


def to_proto(graph: Graph, *, inline: bool = False) -> onnx.ModelProto:
    """The graph as an ONNX model.

    A graph that was read from ONNX and not changed gives the same proto, field by field. Tensors that lay in files
    beside the model go on referring to them, unless ``inline`` asks for everything in the proto. Integer ops of ours
    are written as QuantizeLinear, DequantizeLinear and the float op between them.

    Raises Unsupported for an op that ONNX has no words for.
    """
    return write_model(graph, Inline() if inline else Storage())


def write_model(graph: Graph, storage: Storage) -> onnx.ModelProto:
    """The graph as an ONNX model, its initializers where ``storage`` puts them. Raises as :func:`to_proto` does."""
    graph = spelled_in_onnx(graph)
    opset, planned = plan(graph)
    return _Writer(graph, opset, planned, storage).write()


def to_graphsurgeon(graph: Graph) -> gs.Graph:
    """The graph as onnx-graphsurgeon's, to edit by hand; it cannot hold all that :func:`to_proto` writes."""
    with G_LOGGER.suppress(G_LOGGER.ERROR):
        return gs.import_onnx(to_proto(graph, inline=True))


def spelled_in_onnx(graph: Graph) -> Graph:
    """The graph, or a copy in which ops that stand for several ONNX ops are spelled out."""
    if not any(_spelling(op) for op in graph.ops):
        return graph
    copy = graph.clone()
    for op in copy.ops:
        if op.graph is copy and (spell := _spelling(op)):
            copy.replace(op, spell())
    return copy


def _spelling(op: Op) -> Any:
    """The op's ``as_qdq``; None for an op without one, or one that was read from an ONNX file as it is."""
    return None if isinstance(op.origin, NodeRecord) else getattr(op, "as_qdq", None)


class _Writer:
    def __init__(self, graph: Graph, opset: int, planned: list[Planned], storage: Storage) -> None:
        self.graph = graph
        self.opset = opset
        self.planned = planned
        self.storage = storage
        self.envelope = graph.origin if isinstance(graph.origin, Envelope) else None
        self.old = self.envelope.model if self.envelope else onnx.ModelProto()
        self.loose = loose_constants(graph)
        self.names = Names(graph, planned, self.loose)
        self.values = {name: v for v, name in self.names.by_value.items()}
        self.tensors: dict[Value, gs.Tensor] = {}

    def write(self) -> onnx.ModelProto:
        model = onnx.ModelProto()
        _copy_fields(self.old, model, except_for={"graph", "opset_import"})
        model.graph.SetInParent()
        _copy_fields(self.old.graph, model.graph, except_for=_REWRITTEN)
        if self.envelope is None:
            model.graph.name = self.graph.name
            model.producer_name = "lissom"
        skeleton = self.skeleton()
        self.opset_imports(model)
        self.nodes(model, skeleton.graph)
        self.initializers(model)
        self.boundary(model)
        self.value_info(model)
        if self.envelope and not self.storage.refers_to_old_files:
            for holder in (*model.graph.node, *model.graph.sparse_initializer, *model.functions):
                bring_inside(holder, self.envelope.folder)
        return model

    # ---- what onnx-graphsurgeon writes

    def skeleton(self) -> onnx.ModelProto:
        """Nodes in order, their inputs and outputs by name."""
        nodes = [gs.Node(p.kind, "", {}, self.named(p.inputs), self.named(p.results), p.domain) for p in self.planned]
        outputs = []
        for name, v in zip(self.graph.output_names, self.graph.outputs, strict=True):
            tensor = self.tensor(v)
            if tensor.name != name:  # an input, a constant, or a value that is an output under another name too
                behind, tensor = tensor, gs.Variable(name)
                nodes.append(gs.Node("Identity", "", {}, [behind], [tensor], ""))
            outputs.append(tensor)
        inputs = [self.tensor(i) for i in self.graph.inputs]
        skeleton = gs.Graph(nodes, inputs, outputs, opset=self.opset)
        with G_LOGGER.suppress():
            written: onnx.ModelProto = gs.export_onnx(skeleton, do_type_check=False)
        return written

    def named(self, values: Iterable[Value | None]) -> list[gs.Tensor]:
        return [gs.Variable.empty() if v is None else self.tensor(v) for v in values]

    def tensor(self, value: Value) -> gs.Tensor:
        if value not in self.tensors:
            name = self.names.by_value[value]
            if isinstance(value, Const) and not isinstance(value.origin, NodeRecord):
                stub = onnx.TensorProto(name=name, data_type=onnx.TensorProto.FLOAT)
                self.tensors[value] = gs.Constant(name, LazyValues(stub))
            else:
                self.tensors[value] = gs.Variable(name)
        return self.tensors[value]

    # ---- what it cannot hold

    def opset_imports(self, model: onnx.ModelProto) -> None:
        """The imports of the file, the standard one raised where that was needed, and domains that are new."""
        model.opset_import.extend(self.old.opset_import)
        for entry in model.opset_import:
            if is_default_domain(entry.domain) and entry.version != self.opset:
                entry.version = self.opset
        domains = {"" if is_default_domain(o.domain) else o.domain for o in model.opset_import}
        if "" not in domains and (self.envelope is None or self.planned):
            uses = any(is_default_domain(p.domain) for p in self.planned)
            if uses or not domains:
                model.opset_import.add(domain="", version=self.opset)
        for p in self.planned:
            if not is_default_domain(p.domain) and p.domain not in domains:
                domains.add(p.domain)
                model.opset_import.add(domain=p.domain, version=1)
        if self.envelope is None or self.opset != self.envelope.opset:
            needed = helper.find_min_ir_version_for(list(model.opset_import), ignore_unknown=True)
            if model.ir_version < needed:
                model.ir_version = needed

    def nodes(self, model: onnx.ModelProto, skeleton: onnx.GraphProto) -> None:
        taken: set[str] = {p.record.proto.name for p in self.planned if p.record}
        for i, written in enumerate(skeleton.node):
            node = model.graph.node.add()
            p = self.planned[i] if i < len(self.planned) else None
            if p is None or p.record is None:
                node.CopyFrom(written)
                node.ClearField("attribute")
                name = p.op.loc.where if p and p.op.loc and p.op.loc.source == "onnx node" else ""
                if name and name not in taken:
                    taken.add(name)
                    node.name = name
                else:
                    node.ClearField("name")
                if not node.domain:
                    node.ClearField("domain")
            else:
                _copy_fields(p.record.proto, node, except_for={"input", "output", "attribute"})
                node.op_type = written.op_type
                node.input.extend(written.input)
                node.output.extend(written.output)
            if p is not None:
                node.attribute.extend(p.attributes)
                if p.captures:
                    self.recapture(p, node)

    def recapture(self, p: Planned, node: onnx.NodeProto) -> None:
        """Let the sub-graphs read what the captured values are called now."""
        now = [self.names.by_value[v] for v in p.captures]
        changed = {old: new for old, new in zip(captured_names(node), now, strict=True) if old != new}
        if changed:
            rename_captures(node, changed)

    def initializers(self, model: onnx.ModelProto) -> None:
        """Constants that are no Constant nodes: those of the file in its order, then the new ones."""
        needed = {v: None for p in self.planned for v in (*p.inputs, *p.captures) if isinstance(v, Const)}
        needed.update(dict.fromkeys(self.loose))
        left = {v: self.names.by_value[v] for v in needed if not isinstance(v.origin, NodeRecord)}
        places = {id(t): i for i, t in enumerate((*self.old.graph.initializer, *self.old.graph.sparse_initializer))}
        for const in sorted(left, key=lambda c: places.get(id(c.origin), len(places))):
            if isinstance(const.origin, onnx.SparseTensorProto):
                model.graph.sparse_initializer.add().CopyFrom(const.origin)
                model.graph.sparse_initializer[-1].values.name = left[const]
            else:
                write_tensor(const, left[const], model.graph.initializer.add(), self.storage)

    def boundary(self, model: onnx.ModelProto) -> None:
        """Inputs and outputs. Before IR version 4 initializers are listed among the inputs; they stay so."""
        inputs = {i.name: i for i in self.graph.inputs}
        for proto in self.old.graph.input:
            value = inputs.pop(proto.name, None) or self.values.get(proto.name)
            if isinstance(value, Input | Const):
                self.describe(value, proto.name, proto, model.graph.input.add())
        for i in inputs.values():
            self.describe(i, i.name, None, model.graph.input.add())
        known = {o.name: o for o in self.old.graph.output}
        for name, v in zip(self.graph.output_names, self.graph.outputs, strict=True):
            self.describe(v, name, known.get(name), model.graph.output.add())

    def value_info(self, model: onnx.ModelProto) -> None:
        """What the file says about values that are still there; where a shape has changed, the new one."""
        known = {o for n in self.old.graph.node for o in n.output} | {t.name for t in self.old.graph.initializer}
        for proto in self.old.graph.value_info:
            value = self.values.get(proto.name)
            if value is not None:
                self.describe(value, proto.name, proto, model.graph.value_info.add())
            elif proto.name not in known:
                model.graph.value_info.add().CopyFrom(proto)

    def describe(self, value: Value, name: str, old: onnx.ValueInfoProto | None, new: onnx.ValueInfoProto) -> None:
        """Fill ``new`` with name and type: what the file says as long as this value has the type it had there."""
        if old is not None:
            new.CopyFrom(old)
            vague = value.type.shape is None and read_type(old.type, name).dtype is value.type.dtype
            if vague or (value.name == name and _type_when_read(value) == value.type):
                return
        new.name = name
        if value.type.dtype is not DType.unknown:
            write_type(value.type, new.type)


def _type_when_read(value: Value) -> TensorType | None:
    """The type the value had when it was read; None for one that was not."""
    if isinstance(value, Input):
        return read_type(value.origin.type, value.name) if isinstance(value.origin, onnx.ValueInfoProto) else None
    if isinstance(value, Const):
        return value.type if value.origin is not None else None
    op = producer(value)
    assert op is not None
    index = value.index if isinstance(value, Result) else 0
    return op.origin.types[index] if isinstance(op.origin, NodeRecord) else None


def _copy_fields(old: Any, new: Any, except_for: Iterable[str]) -> None:
    """Copy all fields of a proto except some."""
    for field, held in old.ListFields():
        if field.name in except_for:
            continue
        if isinstance(held, str | bytes | int | float):
            setattr(new, field.name, held)
        elif hasattr(held, "CopyFrom"):
            getattr(new, field.name).CopyFrom(held)
        else:
            getattr(new, field.name).extend(held)
