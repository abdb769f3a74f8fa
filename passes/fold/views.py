"""Changes of shape that move no element: constant target shapes, one op for a chain of them."""

from __future__ import annotations

import numpy as np

from lissom.ir import dims
from lissom.ir.dims import Dim
from lissom.ir.ops.expand import Expand
from lissom.ir.ops.flatten import Flatten
from lissom.ir.ops.reshape import Reshape
from lissom.ir.ops.squeeze import Squeeze
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.types import Shape
from lissom.ir.values import Const, Value
from lissom.passes.rule import Refused, Rule, rule


@rule
def constant_shape(op: Reshape) -> Value | None:
    """Reshape to a computed shape with at most one free size  =>  Reshape to a constant with 0 and -1 in it."""
    if isinstance(op.shape, Const) or op.type.shape is None or op.shape.contents is None:
        return None
    return reshape(op.x, op.type.shape)


@rule
def constant_expansion(op: Expand) -> Value | None:
    """Expand to a computed shape whose free sizes are those of x  =>  Expand to a constant with 1 in those places."""
    if isinstance(op.shape, Const) or op.type.shape is None or op.shape.contents is None:
        return None
    given = (1,) * (op.type.rank - op.x.type.rank) + op.x.type.dims
    target = [1 if a == b else b for a, b in zip(given, op.type.shape, strict=True)]
    if not all(isinstance(d, int) for d in target):
        raise Refused(f"it expands to a size that is not known: {op.type}")
    return Expand(op.x, Const(np.array(target, np.int64)))


@rule
def flatten_rows(op: Reshape | Squeeze) -> Value | None:
    """(N, A, B, ...) to (N, A*B*...)  =>  Flatten, which needs no shape."""
    if op.x.type.shape is None or op.x.type.rank < 3:
        return None
    first, *rest = op.x.type.shape
    return Flatten(op.x) if op.type.shape == (first, dims.product(tuple(rest))) else None


@rule
def chain(op: Reshape | Flatten | Squeeze | Unsqueeze) -> Value | None:
    """A view of a view  =>  one Reshape."""
    inner = op.x
    if not isinstance(inner, Reshape | Flatten | Squeeze | Unsqueeze) or op.type.shape is None:
        return None
    return inner.x if inner.x.type == op.type else reshape(inner.x, op.type.shape)


def reshape(x: Value, shape: Shape) -> Reshape:
    """Reshape to a constant; raises Refused where more than one size of ``shape`` is neither a number nor x's own."""
    given: Shape = x.type.shape or ()
    target: list[Dim] = [
        0 if not isinstance(d, int) and i < len(given) and given[i] == d else d for i, d in enumerate(shape)
    ]
    free = [i for i, d in enumerate(target) if not isinstance(d, int)]
    if len(free) > 1:
        raise Refused(f"more than one size is not known: {shape}")
    if 0 in shape and (free or target != list(shape)):
        raise Refused(f"a shape without elements cannot be written with 0 for a size of x: {shape}")
    for i in free:
        target[i] = -1
    made = Reshape(x, Const(np.array(target, np.int64)), allowzero=0 in shape)
    if made.type.shape != shape:
        raise Refused(f"{made.type.shape} cannot be shown to be {shape}")
    return made


RULES: tuple[Rule, ...] = (constant_shape, constant_expansion, flatten_rows, chain)
