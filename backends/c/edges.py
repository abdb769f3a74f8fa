"""What crosses the border of the artifact: the model's own inputs and outputs, or their 8-bit forms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.types import DType
from lissom.ir.values import Const, Value


@dataclass(frozen=True)
class Edges:
    """The values that are the artifact's inputs and outputs, in the graph's order, and the ops left to the caller."""

    inputs: list[Value]
    outputs: list[Value]
    skipped: set[Op] = field(default_factory=set)
    quantization: dict[Value, dict[str, Any]] = field(default_factory=dict)
    """Scale and zero point of 8-bit inputs and outputs."""


def model_edges(graph: Graph, io: str) -> Edges:
    """The edges of a lowered graph. With ``io="int8"``, an input that only one QuantizeLinear reads is that op's
    result, and an output that a DequantizeLinear computes is that op's operand."""
    from lissom.ir.ops.dequantize_linear import DequantizeLinear
    from lissom.ir.ops.quantize_linear import QuantizeLinear

    edges = Edges(list(graph.inputs), list(graph.outputs))
    if io == "float":
        return edges
    for i, value in enumerate(edges.inputs):
        if graph.is_output(value) or len(value.users) != 1:
            continue
        (op,) = value.users
        if isinstance(op, QuantizeLinear) and op.x is value and _edge(edges, op, op.y_scale, op.y_zero_point):
            edges.inputs[i] = op
            edges.skipped.add(op)
    for i, value in enumerate(edges.outputs):
        if isinstance(value, DequantizeLinear) and _edge(edges, value.x, value.x_scale, value.x_zero_point):
            edges.outputs[i] = value.x
            if not value.users:
                edges.skipped.add(value)
    return edges


def _edge(edges: Edges, value: Value, scale: Value, zero_point: Value | None) -> bool:
    """Record how an 8-bit edge stands for real numbers; False where that is not one constant scale."""
    if value.type.dtype not in (DType.int8, DType.uint8) or not isinstance(scale, Const) or scale.data.size != 1:
        return False
    if zero_point is not None and not isinstance(zero_point, Const):
        return False
    zero = 0 if zero_point is None else int(zero_point.data.reshape(-1)[0])
    edges.quantization[value] = {"scale": float(scale.data.reshape(-1)[0]), "zero_point": zero}
    return True
