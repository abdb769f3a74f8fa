"""From a file, bytes or a ModelProto to a graph."""

from __future__ import annotations

import heapq
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import onnx
import onnx_graphsurgeon as gs
from google.protobuf.descriptor import FieldDescriptor  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]
from onnx_graphsurgeon.logger import G_LOGGER

from lissom.ir.errors import Error, Unsupported
from lissom.ir.graph import Graph
from lissom.ir.importers.onnx.build import Builder
from lissom.ir.importers.onnx.schema import NEWEST, is_default_domain
from lissom.ir.importers.onnx.subgraphs import captured_names

Source: TypeAlias = "str | os.PathLike[str] | bytes | onnx.ModelProto"


def load(source: Source, sizes: Mapping[str, int] | None = None) -> Graph:
    """Read an ONNX model.

    ``source`` is a path, the bytes of a file, or a ModelProto, which is left as it is. Tensors in files beside the
    model are memory-mapped. ``sizes`` are put in for symbols of the inputs: a recurrent layer needs a number of steps.
    Nodes lissom has no meaning for become :class:`~lissom.ir.ops.opaque.Opaque`.

    Raises Error for a file that is missing, damaged or contradicts itself, Unsupported for an opset newer than the
    installed onnx package.
    """
    folder: Path | None = None
    if isinstance(source, onnx.ModelProto):
        what, model = "the model", onnx.ModelProto()
        model.CopyFrom(source)
    elif isinstance(source, bytes):
        what, model = "the model", _parse(source, "the bytes given")
    else:
        path = Path(source)
        what, folder = str(path), path.absolute().parent
        model = _parse(_read(path), what)
    try:
        if garbled := _garbled(model):
            raise Error(f"the file is damaged: {garbled} is not UTF-8 text")
        opset = _opset(model)
        order = _order(model.graph)
        return Builder(model, _skeleton(model, opset), order, folder, sizes or {}).build()
    except Unsupported as e:
        raise Unsupported(f"{what}: {e}") from e
    except Error as e:
        raise Error(f"{what}: {e}") from e


def from_graphsurgeon(graph: gs.Graph) -> Graph:
    """The lissom graph of an onnx-graphsurgeon graph, which is left as it is. Raises as :func:`load` does."""
    with G_LOGGER.suppress():
        try:
            model = gs.export_onnx(graph, do_type_check=False)
        except Exception as e:
            raise Error(f"onnx-graphsurgeon cannot export the graph: {e}") from e
    return load(model)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise Error(f"{path}: there is no such file") from None
    except OSError as e:
        raise Error(f"{path} cannot be read: {e.strerror}") from None


def _parse(data: bytes, what: str) -> onnx.ModelProto:
    if not data:
        raise Error(f"{what}: the file is empty")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        raise Error(f"{what} is not an ONNX model, or is cut short: it does not parse as one") from None
    if not model.HasField("graph") or not (model.graph.node or model.graph.output):
        raise Error(f"{what} is not an ONNX model: it holds no graph")
    return model


def _garbled(proto: Message) -> str | None:
    """The first string field that holds something else than UTF-8, which the parser lets through as bytes."""
    for field, held in proto.ListFields():
        if field.type == FieldDescriptor.TYPE_STRING:
            if isinstance(held, bytes) or (not isinstance(held, str) and any(isinstance(s, bytes) for s in held)):
                return str(field.full_name)
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in (held,) if isinstance(held, Message) else held:
                if found := _garbled(inner):
                    return found
    return None


def _opset(model: onnx.ModelProto) -> int:
    if not model.opset_import and model.ir_version >= 3:  # the first that has to name them
        raise Error(
            "the model does not say which operator set its nodes are of (opset_import is empty); export it anew"
        )
    versions = {o.version for o in model.opset_import if is_default_domain(o.domain)}
    if len(versions) > 1:
        raise Error(f"the model asks for several versions of the standard operator set: {sorted(versions)}")
    opset = versions.pop() if versions else NEWEST if model.opset_import else 1
    if opset > NEWEST:
        raise Unsupported(f"opset {opset} is newer than the installed onnx package knows ({NEWEST}); upgrade onnx")
    return int(opset)


def _order(graph: onnx.GraphProto) -> list[int]:
    """The nodes' places, each after what it reads: the order of the file wherever that will do.

    Raises Error for names that are missing, undefined or given twice, and for cycles.
    """
    initial = {t.name for t in graph.initializer} | {t.values.name for t in graph.sparse_initializer}
    if len(initial) < len(graph.initializer) + len(graph.sparse_initializer):
        raise Error("two initializers have the same name; names must be unique")
    inputs = [i.name for i in graph.input]
    if len(set(inputs)) < len(inputs) or "" in inputs or "" in initial:
        raise Error("two inputs have the same name, or one has none; names must be unique")
    given = {"", *initial, *inputs}
    maker: dict[str, int] = {}
    for index, node in enumerate(graph.node):
        for name in node.output:
            if name and (name in given or name in maker):
                raise Error(
                    f"two things are called {name!r}, one of them a result of a {node.op_type}; names must be unique"
                )
            if name:
                maker[name] = index
    outputs = [o.name for o in graph.output]
    if len(set(outputs)) < len(outputs):
        raise Error("two outputs have the same name; names must be unique")
    for name in outputs:
        if not name or (name not in maker and name not in given):
            raise Error(f"output {name!r} is computed by no node; the file is damaged, or part of a model")
    waits: list[int] = []
    readers: dict[int, list[int]] = {}
    for index, node in enumerate(graph.node):
        before = set()
        for name in (*node.input, *captured_names(node)):
            if name in maker:
                before.add(maker[name])
            elif name not in given:
                raise Error(f"node {node.name or index!r} ({node.op_type}) reads {name!r}, which nothing defines")
        waits.append(len(before))
        for made in before:
            readers.setdefault(made, []).append(index)
    ready = [i for i, count in enumerate(waits) if not count]
    order: list[int] = []
    while ready:
        index = heapq.heappop(ready)
        order.append(index)
        for reader in readers.get(index, ()):
            waits[reader] -= 1
            if not waits[reader]:
                heapq.heappush(ready, reader)
    if len(order) < len(graph.node):
        node = graph.node[next(i for i, count in enumerate(waits) if count)]
        raise Error(f"the graph has a cycle: node {node.name!r} ({node.op_type}) waits for its own result")
    return order


def _skeleton(model: onnx.ModelProto, opset: int) -> gs.Graph:
    """The graph as onnx-graphsurgeon reads it: nodes and the tensors between them.

    Attributes, element types and weights are not among it: the reader cannot hold some of them (sub-byte elements, byte
    strings, sparse tensors, optional types), so all of them are taken from the protos, one way for all.
    """
    shell = onnx.ModelProto(ir_version=model.ir_version)
    shell.opset_import.add(domain="", version=opset)
    shell.graph.name = model.graph.name
    initial = {t.name for t in model.graph.initializer} | {t.values.name for t in model.graph.sparse_initializer}
    shell.graph.input.extend(onnx.ValueInfoProto(name=i.name) for i in model.graph.input if i.name not in initial)
    shell.graph.output.extend(onnx.ValueInfoProto(name=o.name) for o in model.graph.output)
    for node in model.graph.node:
        shell.graph.node.add(
            op_type=node.op_type, name=node.name, domain=node.domain, input=node.input, output=node.output
        )
    with G_LOGGER.suppress():
        return gs.import_onnx(shell)
