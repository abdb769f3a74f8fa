"""From an onnx-graphsurgeon graph and the protos it was read from to a lissom graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_graphsurgeon as gs

import lissom.ir.importers.onnx.recurrent  # noqa: F401  # fills LOWERINGS
from lissom.ir.errors import Error, Unsupported
from lissom.ir.graph import Graph
from lissom.ir.importers.onnx.attributes import freeze_attribute
from lissom.ir.importers.onnx.form import build_op, read_form
from lissom.ir.importers.onnx.lowering import LOWERINGS
from lissom.ir.importers.onnx.records import Envelope, NodeRecord
from lissom.ir.importers.onnx.schema import is_default_domain
from lissom.ir.importers.onnx.subgraphs import captured_names
from lissom.ir.importers.onnx.tensors import read_sparse, read_tensor, take_raw_data
from lissom.ir.importers.onnx.upgrade import upgraded
from lissom.ir.importers.onnx.value_types import read_type
from lissom.ir.op import OPS, Op
from lissom.ir.ops.opaque import Opaque
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Const, Loc, Value, producer

MALFORMED = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError, MemoryError)
"""What building an op from attributes that make no sense may raise."""


class Builder:
    """Turns nodes into ops, in an order in which every node stands after what it reads."""

    def __init__(
        self,
        model: onnx.ModelProto,
        skeleton: gs.Graph,
        order: Sequence[int],
        folder: Path | None,
        sizes: Mapping[str, int],
    ) -> None:
        self.model = model
        self.sizes = sizes
        self.skeleton = skeleton
        self.order = order
        self.folder = folder
        self.opset = skeleton.opset
        self.graph = Graph(model.graph.name or "graph")
        self.values: dict[str, Value] = {}
        self.declared = {v.name: v.type for v in (*model.graph.value_info, *model.graph.output)}
        self._inferred: dict[str, onnx.TypeProto] | None = None

    def build(self) -> Graph:
        """The graph; raises Error, naming the node, where the model makes no sense."""
        import lissom.ir.ops  # noqa: F401  # fills OPS

        for tensor in self.model.graph.initializer:
            what = f"initializer {tensor.name!r}"
            self.values[tensor.name] = Const(read_tensor(tensor, self.folder, what), tensor.name, origin=tensor)
            if tensor.data_location != onnx.TensorProto.EXTERNAL:
                take_raw_data(tensor)
        for sparse in self.model.graph.sparse_initializer:
            what = f"sparse initializer {sparse.values.name!r}"
            dense = read_sparse(sparse, self.folder, what)
            self.values[sparse.values.name] = Const(dense, sparse.values.name, origin=sparse)
        protos = {i.name: i for i in self.model.graph.input}
        for variable in self.skeleton.inputs:
            proto = protos[variable.name]
            type = read_type(proto.type, proto.name).bind(self.sizes)
            loc = Loc("onnx input", proto.name)
            self.values[proto.name] = self.graph.input(proto.name, type, loc, proto)
        for index in self.order:
            self.node(self.skeleton.nodes[index], index)
        self.graph.set_outputs([(v.name, self.values[v.name]) for v in self.skeleton.outputs])
        unused = tuple(v for v in self.values.values() if isinstance(v, Const) and v.graph is None)
        self.graph.origin = Envelope(self.model, self.opset, unused, self.folder)
        return self.graph

    def node(self, node: gs.Node, index: int) -> None:
        """Add what one node computes to the graph."""
        proto = self.model.graph.node[index]
        inputs = [None if t.is_empty() else self.values[t.name] for t in node.inputs]
        if proto.op_type == "Constant" and is_default_domain(proto.domain) and len(proto.output) == 1:
            data = self.constant(proto)
            if data is not None:
                name = proto.output[0]
                self.values[name] = Const(data, name, loc=_loc(proto), origin=NodeRecord(proto, index))
                return
        self.add(self.results(proto, inputs), proto, index, inputs)

    def constant(self, proto: onnx.NodeProto) -> Array | None:
        """The elements a Constant node holds; None for a form without a meaning here."""
        if len(proto.attribute) != 1 or proto.attribute[0].ref_attr_name:
            return None
        (a,) = proto.attribute
        what = f"the constant {proto.output[0]!r}"
        match a.name:
            case "value" if a.HasField("t"):
                return read_tensor(a.t, self.folder, what)
            case "sparse_value" if a.HasField("sparse_tensor"):
                return read_sparse(a.sparse_tensor, self.folder, what)
            case "value_float":
                return np.array(a.f, np.float32)
            case "value_floats":
                return np.array(a.floats, np.float32)
            case "value_int":
                return np.array(a.i, np.int64)
            case "value_ints":
                return np.array(a.ints, np.int64)
            case "value_string":
                return np.array(a.s.decode("utf-8", "surrogateescape"), object)
            case "value_strings":
                return np.array([s.decode("utf-8", "surrogateescape") for s in a.strings], object)
        return None

    def results(self, proto: onnx.NodeProto, inputs: list[Value | None]) -> Sequence[Value | None]:
        """What a node computes, detached: by ops of ours where they cover the form, else by one Opaque."""
        why = ""
        if is_default_domain(proto.domain) and not captured_names(proto):
            try:
                form = read_form(proto, self.opset, inputs)
                form.name = next(filter(None, proto.output), "")
                if form.kind in LOWERINGS:
                    return LOWERINGS[form.kind](form)
                made = upgraded(form)
                if isinstance(made, Op):
                    return made.results
                if made.kind in OPS and OPS[made.kind].domain == "":
                    return build_op(OPS[made.kind], made).results
            except Unsupported as e:
                why = str(e)
            except Error as e:
                raise Error(f"node {_title(proto)}: {e}") from e
            except MALFORMED as e:
                raise Error(f"node {_title(proto)} is malformed: {e}") from e
        return self.opaque(proto, inputs, why).results

    def opaque(self, proto: onnx.NodeProto, inputs: list[Value | None], why: str) -> Opaque:
        """The node as it stands, with its result types from the file or from shape inference."""
        return Opaque(
            kind=proto.op_type,
            of_domain=proto.domain,
            inputs=tuple(inputs),
            captures=tuple(self.values[n] for n in captured_names(proto)),
            attrs=tuple((a.name, freeze_attribute(a)) for a in proto.attribute),
            result_types=tuple(map(self.type_of, proto.output)) or (TensorType(DType.unknown, None),),
            why=why,
        )

    def type_of(self, name: str) -> TensorType:
        """The type the file declares for a value, or shape inference finds."""
        proto = self.declared.get(name) if name else None
        if proto is None or not proto.WhichOneof("value"):
            proto = self.inferred().get(name) if name else None
        return TensorType(DType.unknown, None) if proto is None else read_type(proto, name).bind(self.sizes)

    def inferred(self) -> Mapping[str, onnx.TypeProto]:
        """What onnx's own shape inference says, computed when the first op without a meaning needs it."""
        if self._inferred is None:
            try:
                found = onnx.shape_inference.infer_shapes(self.model).graph
            except Exception:  # a best effort on models we know only in part: without it, types stay unknown
                found = onnx.GraphProto()
            self._inferred = {v.name: v.type for v in (*found.value_info, *found.output)}
        return self._inferred

    def add(
        self, results: Sequence[Value | None], proto: onnx.NodeProto, index: int, inputs: list[Value | None]
    ) -> None:
        """Put what computes ``results`` into the graph, with names and records."""
        parts = _detached(results)
        name = next(filter(None, proto.output), "")
        loc = _loc(proto)
        for i, part in enumerate(parts):
            part.named(name if part in results else f"{name}.{i}", loc)
        for part in {o: None for v in results if v is not None and (o := producer(v)) is not None}:
            for result in part.results:
                result.name = ""
        for value, output in zip(results, proto.output, strict=False):
            if value is not None and output:
                value.name = output
                self.values[output] = value
        given = set(inputs)
        made = []
        places: dict[Value, tuple[int, int]] = {}
        for i, part in enumerate(parts):
            for j, v in enumerate(part.operands):
                places.setdefault(v, (i, j))
                if isinstance(v, Const) and v not in given:
                    made.append((i, j, v.data))
        reads = tuple(None if v is None else places.get(v, v.name) for v in inputs)
        held = {r: (i, j) for i, part in enumerate(parts) for j, r in enumerate(part.results)}
        gives = tuple(None if v is None else held[v] for v in results)
        for part in parts:
            self.graph.append(part)
        for i, part in enumerate(parts):
            types = tuple(r.type for r in part.results)
            part.origin = NodeRecord(proto, index, types, i, len(parts), reads, tuple(made), gives)
            mark_parameters(part)


def _detached(results: Sequence[Value | None]) -> list[Op]:
    """The detached ops that ``results`` come from, each after what it reads."""
    found: dict[Op, None] = {}
    pending = [o for v in reversed(results) if v is not None and (o := producer(v)) is not None]
    while pending:
        op = pending[-1]
        read = [o for v in op.operands if (o := producer(v)) is not None and o.graph is None and o not in found]
        if read and op not in found:
            pending += reversed(read)
        else:
            found[pending.pop()] = None
    return list(found)


def _loc(proto: onnx.NodeProto) -> Loc:
    return Loc("onnx node", proto.name) if proto.name else Loc("onnx value", next(filter(None, proto.output), "?"))


def _title(proto: onnx.NodeProto) -> str:
    name = proto.name or next(filter(None, proto.output), "without a name")
    return f"{name!r} ({proto.op_type})"


PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "Conv": ("w", "b"),
    "ConvTranspose": ("w", "b"),
    "Gemm": ("a", "b", "c"),
    "MatMul": ("a", "b"),
    "BatchNormalization": ("scale", "b"),
    "InstanceNormalization": ("scale", "b"),
    "LayerNormalization": ("scale", "b"),
    "GroupNormalization": ("scale", "bias"),
    "RMSNormalization": ("scale",),
    "PRelu": ("slope",),
}
"""The operands that are parameters of a network: floating-point constants there are marked trainable."""


def mark_parameters(op: Op) -> None:
    """Mark the constants among the op's operands that training would change.

    Those are floating-point constants in the places :data:`PARAMETERS` names, embedding tables (the data a Gather with
    computed indices reads), and the bias that an Add puts on the result of a MatMul.
    """
    candidates: list[Any] = [getattr(op, name, None) for name in PARAMETERS.get(op.op_type, ())]
    if op.op_type == "Add" and any(isinstance(v, Op) and v.op_type == "MatMul" for v in op.operands):
        candidates += [v for v in op.operands if v.type.rank == 1]
    if op.op_type == "Gather" and len(op.operands) == 2 and not isinstance(op.operands[1], Const):
        candidates.append(op.operands[0])
    for v in candidates:
        if isinstance(v, Const) and v.type.dtype.is_float:
            v.trainable = True
