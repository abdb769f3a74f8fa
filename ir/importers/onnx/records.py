"""What the importer remembers of the file, so that the writer can put back what the graph has no place for."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from lissom.ir.types import TensorType
from lissom.ir.values import Const


@dataclass(frozen=True, eq=False)
class NodeRecord:
    """The ``origin`` of what was read from one node: its proto, its place in the file, and the result types inferred then.

    A node of an older opset may have become several ops; then each is one of ``parts``, the last one computes the node's
    outputs, and ``reads[i]`` is the (part, position among its operands) where the node's i-th input is read.
    """

    proto: onnx.NodeProto
    index: int
    types: tuple[TensorType, ...] = ()
    part: int = 0
    parts: int = 1
    reads: tuple[tuple[int, int] | None, ...] = ()


@dataclass(frozen=True, eq=False)
class Envelope:
    """The ``origin`` of a graph: the model as it was read. The bytes of large tensors live in the graph's constants only.

    Shared by all copies of the graph, and never written to. ``unused`` are the initializers and Constant nodes that
    nothing reads, which have no place in the graph.
    """

    model: onnx.ModelProto
    opset: int
    unused: tuple[Const, ...] = ()
