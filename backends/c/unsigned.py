"""Turns int8 activations into uint8 ones, for targets whose dot products read unsigned bytes.

A value and its zero point both move up by 128, so every difference of the two, and with it every result, stays: only
bytes in memory differ. Weights stay int8. Where int8 has to be seen (an input or output of the artifact, an op that
this file does not know) a table turns one into the other.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from lissom.ir.families.integer import IntegerOp
from lissom.ir.graph import Graph
from lissom.ir.op import Kind, Op
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.depth_to_space import DepthToSpace
from lissom.ir.ops.dequantize_linear import DequantizeLinear
from lissom.ir.ops.expand import Expand
from lissom.ir.ops.flatten import Flatten
from lissom.ir.ops.gather import Gather
from lissom.ir.ops.global_max_pool import GlobalMaxPool
from lissom.ir.ops.identity import Identity
from lissom.ir.ops.lookup import Lookup
from lissom.ir.ops.lookup_channels import LookupChannels
from lissom.ir.ops.max import Max
from lissom.ir.ops.max_pool import MaxPool
from lissom.ir.ops.min import Min
from lissom.ir.ops.pad import Pad
from lissom.ir.ops.quantize_linear import QuantizeLinear
from lissom.ir.ops.reduce_max import ReduceMax
from lissom.ir.ops.reduce_min import ReduceMin
from lissom.ir.ops.reshape import Reshape
from lissom.ir.ops.slice import Slice
from lissom.ir.ops.space_to_depth import SpaceToDepth
from lissom.ir.ops.split import Split
from lissom.ir.ops.squeeze import Squeeze
from lissom.ir.ops.tile import Tile
from lissom.ir.ops.transpose import Transpose
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.ops.where import Where
from lissom.ir.types import Array, DType
from lissom.ir.values import Const, Input, Value

MOVES: tuple[type[Op], ...] = (
    Clip,
    Concat,
    DepthToSpace,
    Expand,
    Flatten,
    Gather,
    GlobalMaxPool,
    Identity,
    Max,
    MaxPool,
    Min,
    Pad,
    ReduceMax,
    ReduceMin,
    Reshape,
    Slice,
    SpaceToDepth,
    Split,
    Squeeze,
    Tile,
    Transpose,
    Unsqueeze,
    Where,
)
"""Ops whose results hold elements of their operands, whatever they stand for: 128 more keeps their order."""

FLIP = np.arange(256, dtype=np.uint8) ^ 0x80


def unsigned(graph: Graph, keep: Collection[Value] = ()) -> Graph:
    """A copy of a lowered graph with uint8 activations; those in ``keep`` stay int8."""
    return _Rewriter(graph, keep).run()


def _up(data: Array) -> Array:
    """int8 as uint8 numbers 128 larger."""
    moved: Array = data.view(np.uint8) ^ np.uint8(0x80)
    return moved


class _Rewriter:
    def __init__(self, graph: Graph, keep: Collection[Value]) -> None:
        self.graph, self.keep = graph, keep
        self.copy = Graph(graph.name)
        self.same: dict[Value, Value] = {}
        """Values of the graph as they were."""
        self.moved: dict[Value, Value] = {}
        """int8 values of the graph as uint8."""

    def run(self) -> Graph:
        for i in self.graph.inputs:
            self.same[i] = self.copy.input(i.name, i.type, i.loc, i.origin)
        for op in self.graph.ops:
            self._rewrite(op)
        names = self.graph.output_names
        self.copy.set_outputs([(n, self.signed(v)) for n, v in zip(names, self.graph.outputs, strict=True)])
        self.copy.stage = self.graph.stage
        return self.copy

    def signed(self, value: Value) -> Value:
        """A value in the copy, of the type it had."""
        if value not in self.same:
            if isinstance(value, Const):
                self.same[value] = Const(value.data, value.name)
            else:
                self.same[value] = self._flipped(self.moved[value], np.int8, value.name)
        return self.same[value]

    def unsigned(self, value: Value) -> Value:
        """An int8 value in the copy as uint8."""
        if value not in self.moved:
            if isinstance(value, Const):
                self.moved[value] = Const(_up(value.data), value.name)
            else:
                self.moved[value] = self._flipped(self.same[value], np.uint8, value.name)
        return self.moved[value]

    def _flipped(self, value: Value, dtype: type[Any], name: str) -> Op:
        return self.copy.append(Lookup(value, Const(FLIP.view(dtype), "flip")).named(name))

    def _rewrite(self, op: Op) -> None:
        changes = self._changes(op)
        for f in type(op).fields:
            held = getattr(op, f.name)
            if f.kind is Kind.variadic and f.name not in changes:
                changes[f.name] = tuple(None if v is None else self.signed(v) for v in held)
            elif f.kind is not Kind.attribute and held is not None and f.name not in changes:
                changes[f.name] = self.signed(held)
        new = self.copy.append(op.replace(**changes))
        for old, made in zip(op.results, new.results, strict=True):
            into = self.same if made.type.dtype is old.type.dtype else self.moved
            into[old] = made

    def _changes(self, op: Op) -> dict[str, Any]:
        """The fields of an op that are to be other than they were."""
        result_moves = op.type.dtype is DType.int8 and not any(r in self.keep for r in op.results)
        if isinstance(op, QuantizeLinear):
            return {"y_zero_point": self._zero(op, "y_zero_point"), "output_dtype": None} if result_moves else {}
        if isinstance(op, DequantizeLinear):
            return (
                {"x": self.unsigned(op.x), "x_zero_point": self._zero(op, "x_zero_point")} if self._moves(op.x) else {}
            )
        if isinstance(op, IntegerOp):
            found: dict[str, Any] = {}
            for name in ("x", "a", "b"):
                value = getattr(op, name, None)
                if hasattr(op, f"{name}_zero_point") and isinstance(value, Value) and self._moves(value):
                    found |= {name: self.unsigned(value), f"{name}_zero_point": self._zero(op, f"{name}_zero_point")}
            return found | ({"y_zero_point": self._zero(op, "y_zero_point")} if result_moves else {})
        if isinstance(op, Lookup | LookupChannels) and isinstance(op.table, Const):
            table = op.table.data
            found = {}
            if self._moves(op.x):
                found, table = {"x": self.unsigned(op.x)}, table[..., FLIP]
            table = _up(table) if result_moves else table
            return {**found, "table": Const(table, op.table.name)}
        if isinstance(op, MOVES) and result_moves:
            return self._moved_fields(op)
        return {}

    def _moved_fields(self, op: Op) -> dict[str, Any]:
        """Every int8 operand of a move as uint8; what Pad fills with too."""
        found: dict[str, Any] = {}
        for f in type(op).fields:
            held = getattr(op, f.name)
            if f.kind is Kind.variadic:
                found[f.name] = tuple(self.unsigned(v) if v.type.dtype is DType.int8 else self.signed(v) for v in held)
            elif f.kind is not Kind.attribute and held is not None and held.type.dtype is DType.int8:
                found[f.name] = self.unsigned(held)
        if isinstance(op, Pad) and op.constant_value is None:
            found["constant_value"] = Const(np.full((), 128, np.uint8))
        return found

    def _moves(self, value: Value) -> bool:
        """Whether an operand is an int8 activation."""
        return value.type.dtype is DType.int8 and not isinstance(value, Const)

    def _zero(self, op: Op, field: str) -> Value:
        """A zero point, moved like the tensor; absent, it is 0."""
        zero = getattr(op, field)
        if zero is None:
            return Const(np.full((), 128, np.uint8))
        assert not isinstance(zero, Input)
        return self.unsigned(zero)
