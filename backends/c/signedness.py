"""Turns int8 activations into uint8 ones, or the other way, for targets whose dot products read only one of them.

A value and its zero point both move by 128, so every difference of the two, and with it every result, stays: only
bytes in memory differ, in their highest bit. Weights stay as they are. Where the type an activation had has to be seen
(an input or output of the artifact, an op that this file does not know) a table turns one into the other.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

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


def with_activations(graph: Graph, dtype: Literal["int8", "uint8"], keep: Collection[Value] = ()) -> Graph:
    """A copy of a lowered graph whose 8-bit activations are of one type; those in ``keep`` stay what they are."""
    return _Rewriter(graph, DType[dtype], keep).run()


class _Rewriter:
    def __init__(self, graph: Graph, wanted: DType, keep: Collection[Value]) -> None:
        self.graph, self.keep = graph, keep
        self.wanted = wanted
        self.unwanted = DType.int8 if wanted is DType.uint8 else DType.uint8
        self.copy = Graph(graph.name)
        self.same: dict[Value, Value] = {}
        """Values of the graph as they were."""
        self.moved: dict[Value, Value] = {}
        """Values of the unwanted type, as values of the wanted one."""

    def run(self) -> Graph:
        for i in self.graph.inputs:
            self.same[i] = self.copy.input(i.name, i.type, i.loc, i.origin)
        for op in self.graph.ops:
            self._rewrite(op)
        names = self.graph.output_names
        self.copy.set_outputs([(n, self.unmoved(v)) for n, v in zip(names, self.graph.outputs, strict=True)])
        self.copy.stage = self.graph.stage
        return self.copy

    def unmoved(self, value: Value) -> Value:
        """A value in the copy, of the type it had."""
        if value not in self.same:
            if isinstance(value, Const):
                self.same[value] = Const(value.data, value.name)
            else:
                self.same[value] = self._flipped(self.moved[value], self.unwanted, value.name)
        return self.same[value]

    def move(self, value: Value) -> Value:
        """A value of the unwanted type in the copy, as one of the wanted type."""
        if value not in self.moved:
            if isinstance(value, Const):
                self.moved[value] = Const(self._moved_data(value.data), value.name)
            else:
                self.moved[value] = self._flipped(self.same[value], self.wanted, value.name)
        return self.moved[value]

    def _moved_data(self, data: Array) -> Array:
        """Bytes of the unwanted type as those of the wanted one, 128 larger or smaller."""
        moved: Array = (data.view(np.uint8) ^ np.uint8(0x80)).view(self.wanted.numpy)
        return moved

    def _flipped(self, value: Value, dtype: DType, name: str) -> Op:
        return self.copy.append(Lookup(value, Const(FLIP.view(dtype.numpy), "flip")).named(name))

    def _rewrite(self, op: Op) -> None:
        changes = self._changes(op)
        for f in type(op).fields:
            held = getattr(op, f.name)
            if f.kind is Kind.variadic and f.name not in changes:
                changes[f.name] = tuple(None if v is None else self.unmoved(v) for v in held)
            elif f.kind is not Kind.attribute and held is not None and f.name not in changes:
                changes[f.name] = self.unmoved(held)
        new = self.copy.append(op.replace(**changes))
        for old, made in zip(op.results, new.results, strict=True):
            into = self.same if made.type.dtype is old.type.dtype else self.moved
            into[old] = made

    def _changes(self, op: Op) -> dict[str, Any]:
        """The fields of an op that are to be other than they were."""
        unwanted = op.type.dtype is self.unwanted
        result_moves = unwanted and not any(r in self.keep for r in op.results)
        if isinstance(op, QuantizeLinear):
            return {"y_zero_point": self._zero(op, "y_zero_point"), "output_dtype": None} if result_moves else {}
        if isinstance(op, DequantizeLinear):
            if op.x in self.keep or not self._moves(op.x):
                return {}
            return {"x": self.move(op.x), "x_zero_point": self._zero(op, "x_zero_point")}
        if isinstance(op, IntegerOp):
            found: dict[str, Any] = {}
            for name in ("x", "a", "b"):
                value = getattr(op, name, None)
                if hasattr(op, f"{name}_zero_point") and isinstance(value, Value) and self._moves(value):
                    found |= {name: self.move(value), f"{name}_zero_point": self._zero(op, f"{name}_zero_point")}
            # Also what is kept: kernels write one type, and a table turns it back.
            return found | ({"y_zero_point": self._zero(op, "y_zero_point")} if unwanted else {})
        if isinstance(op, Lookup | LookupChannels) and isinstance(op.table, Const):
            table = op.table.data
            found = {}
            if self._moves(op.x):
                found, table = {"x": self.move(op.x)}, table[..., FLIP]
            table = self._moved_data(table) if result_moves else table
            return {**found, "table": Const(table, op.table.name)}
        if isinstance(op, MOVES) and result_moves:
            return self._moved_fields(op)
        return {}

    def _moved_fields(self, op: Op) -> dict[str, Any]:
        """Every operand of the unwanted type; what Pad fills with too."""
        found: dict[str, Any] = {}
        for f in type(op).fields:
            held = getattr(op, f.name)
            if f.kind is Kind.variadic:
                found[f.name] = tuple(self.move(v) if v.type.dtype is self.unwanted else self.unmoved(v) for v in held)
            elif f.kind is not Kind.attribute and held is not None and held.type.dtype is self.unwanted:
                found[f.name] = self.move(held)
        if isinstance(op, Pad) and op.constant_value is None:
            found["constant_value"] = self._nothing()
        return found

    def _moves(self, value: Value) -> bool:
        """Whether an operand is an activation of the unwanted type."""
        return value.type.dtype is self.unwanted and not isinstance(value, Const)

    def _zero(self, op: Op, field: str) -> Value:
        """A zero point, moved like the tensor; absent, it is 0."""
        zero = getattr(op, field)
        if zero is None:
            return self._nothing()
        assert not isinstance(zero, Input)
        return self.move(zero)

    def _nothing(self) -> Const:
        """What 0 of the unwanted type becomes."""
        return Const(self._moved_data(np.zeros((), self.unwanted.numpy)))
