"""What the importer remembers of the file, so that the writer can put back what the graph has no place for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnx

from lissom.ir.types import Array, TensorType
from lissom.ir.values import Const


@dataclass(frozen=True, eq=False)
class NodeRecord:
    """The ``origin`` of what was read from one node: its proto, its place in the file, the result types inferred then.

    A node may have become several ops, its ``parts``. A place is the number of a part and a position among its
    operands, or its results. ``reads[i]`` is the place that holds the node's i-th input, its name where no part reads
    it, None where that is left out; ``made`` are the places of constants that stand for attributes; ``gives[i]`` is the
    result that is the i-th output.
    """

    proto: onnx.NodeProto
    index: int
    types: tuple[TensorType, ...] = ()
    part: int = 0
    parts: int = 1
    reads: tuple[tuple[int, int] | str | None, ...] = ()
    made: tuple[tuple[int, int, Array], ...] = ()
    gives: tuple[tuple[int, int] | None, ...] = ()


@dataclass(frozen=True, eq=False)
class Envelope:
    """The ``origin`` of a graph: the model as it was read, but for the bytes of large tensors: constants hold those.

    Shared by all copies of the graph, and never written to. ``unused`` are the initializers and Constant nodes that
    nothing reads, which have no place in the graph; ``folder`` is where the file lay.
    """

    model: onnx.ModelProto
    opset: int
    unused: tuple[Const, ...] = ()
    folder: Path | None = None
