"""Numpy-style broadcasting of shapes."""

from __future__ import annotations

from lissom.ir import dims
from lissom.ir.op import Op
from lissom.ir.types import Shape
from lissom.ir.values import Value


def broadcast_shapes(op: Op, *operands: Value) -> Shape:
    """The shape all ``operands`` broadcast to; raises TypeMismatch at ``op`` when they do not."""
    rank = max(v.type.rank for v in operands)
    out: list[dims.Dim] = [1] * rank
    for v in operands:
        for i, d in enumerate(v.type.dims, rank - v.type.rank):
            try:
                out[i] = dims.broadcast(out[i], d)
            except ValueError:
                op.require(False, "operands that broadcast", tuple(o.type for o in operands))
    return tuple(out)
