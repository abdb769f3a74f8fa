"""Shapes of matrix products, numpy style."""

from __future__ import annotations

from lissom.ir import dims
from lissom.ir.op import Op
from lissom.ir.types import Shape
from lissom.ir.values import Value


def product_shape(op: Op, a: Value, b: Value) -> Shape:
    """The shape of ``a @ b``; raises TypeMismatch at ``op`` where the inner sizes or the batch axes do not fit."""
    left, right = a.type.dims, b.type.dims
    op.require(min(len(left), len(right)) >= 1, "vectors or matrices", (a.type, b.type))
    k, inner = left[-1], right[-2] if len(right) > 1 else right[-1]
    op.require(k == inner or not (isinstance(k, int) and isinstance(inner, int)), "equal inner sizes", (a.type, b.type))
    rows = left[-2:-1]
    columns = right[-1:] if len(right) > 1 else ()
    first, second = left[:-2], right[:-2]
    rank = max(len(first), len(second))
    batch: list[dims.Dim] = []
    for x, y in zip((1,) * (rank - len(first)) + first, (1,) * (rank - len(second)) + second, strict=True):
        try:
            batch.append(dims.broadcast(x, y))
        except ValueError:
            op.require(False, "batch axes that broadcast", (a.type, b.type))
    return (*batch, *rows, *columns)


def inner_size(a: Value) -> int:
    """The number of products in each element of ``a @ b``; a symbol counts as 1."""
    k = a.type.dims[-1]
    return k if isinstance(k, int) else 1
