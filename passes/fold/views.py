"""Changes of shape that move no element: one op for a chain of them, and the plainest that does it."""

from __future__ import annotations

import numpy as np

from lissom.ir import dims
from lissom.ir.dims import Dim
from lissom.ir.op import Op
from lissom.ir.ops.expand import Expand
from lissom.ir.ops.flatten import Flatten
from lissom.ir.ops.reshape import Reshape
from lissom.ir.ops.squeeze import Squeeze
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.types import Shape
from lissom.ir.values import Const, Value
from lissom.passes.rule import Refused, Rule, rule


@rule
def simplest_view(op: Reshape | Squeeze) -> Value | None:
    """Reshape, Squeeze  =>  Flatten, Unsqueeze or Squeeze where one says the same, else Reshape to a constant."""
    if op.x.type.shape is None or op.type.shape is None:
        return None
    if isinstance(op, Reshape) and not isinstance(op.shape, Const) and op.shape.contents is None:
        return None
    made = _named_view(op.x, op.type.shape)
    if made is None and isinstance(op, Reshape) and not isinstance(op.shape, Const):
        made = _reshape(op.x, op.type.shape)
    return None if isinstance(op, Squeeze) and isinstance(made, Squeeze) else made


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
def chain(op: Reshape | Flatten | Squeeze | Unsqueeze) -> Value | None:
    """A view of a view  =>  one view."""
    inner = op.x
    if not isinstance(inner, Reshape | Flatten | Squeeze | Unsqueeze) or op.type.shape is None:
        return None
    if inner.x.type == op.type:
        return inner.x
    return _named_view(inner.x, op.type.shape) or _reshape(inner.x, op.type.shape)


def _named_view(x: Value, shape: Shape) -> Op | None:
    """x in this shape by an op that needs no sizes, so that any may be free; None where only Reshape does it."""
    given = x.type.dims
    if len(given) >= 3 and shape == (given[0], dims.product(given[1:])):
        return Flatten(x)
    if len(given) < len(shape) and (axes := _ones_added(given, shape)) is not None:
        return Unsqueeze(x, Const(np.array(axes, np.int64)))
    if len(given) > len(shape) and (axes := _ones_added(shape, given)) is not None:
        return Squeeze(x, Const(np.array(axes, np.int64)))
    return None


def _ones_added(small: Shape, large: Shape) -> list[int] | None:
    """The axes of ``large`` that are not in ``small``, when they all have size 1."""
    axes, rest = [], list(small)
    for axis, d in enumerate(large):
        if rest and rest[0] == d:
            rest.pop(0)
        elif d == 1:
            axes.append(axis)
        else:
            return None
    return None if rest else axes


def _reshape(x: Value, shape: Shape) -> Reshape:
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


RULES: tuple[Rule, ...] = (simplest_view, constant_expansion, chain)
