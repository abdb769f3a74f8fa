"""Names inside sub-graphs: what they read from the graph around them, and renaming that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import onnx


def bodies(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The sub-graphs a node holds in its attributes."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def captured_names(node: onnx.NodeProto) -> tuple[str, ...]:
    """What the sub-graphs of ``node`` read from outside, in order of first use, each once."""
    names: dict[str, None] = {}
    for body in bodies(node):
        names.update(dict.fromkeys(_free(body)))
    return tuple(names)


def defined_names(node: onnx.NodeProto) -> Iterator[str]:
    """All names that are given inside the sub-graphs of ``node``."""
    for body in bodies(node):
        yield from _given(body)
        for inner in body.node:
            yield from inner.output
            yield from defined_names(inner)


def rename_captures(node: onnx.NodeProto, names: Mapping[str, str]) -> None:
    """Let the sub-graphs of ``node`` read ``names[n]`` wherever they read ``n`` from outside."""
    for body in bodies(node):
        own = {*_given(body), *(o for inner in body.node for o in inner.output)}
        visible = {old: new for old, new in names.items() if old not in own}
        if not visible:
            continue
        for inner in body.node:
            inner.input[:] = [visible.get(name, name) for name in inner.input]
            rename_captures(inner, visible)
        for output in body.output:
            output.name = visible.get(output.name, output.name)


def _given(body: onnx.GraphProto) -> Iterator[str]:
    yield from (i.name for i in body.input)
    yield from (t.name for t in body.initializer)
    yield from (t.values.name for t in body.sparse_initializer)


def _free(body: onnx.GraphProto) -> Iterator[str]:
    known = {*_given(body), *(o for node in body.node for o in node.output), ""}
    for node in body.node:
        yield from (name for name in node.input if name not in known)
        yield from (name for name in captured_names(node) if name not in known)
    yield from (output.name for output in body.output if output.name not in known)
