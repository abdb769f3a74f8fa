"""Ops that change nothing go away."""

from __future__ import annotations

from lissom.ir.contents import integers
from lissom.ir.ops.add import Add
from lissom.ir.ops.average_pool import AveragePool
from lissom.ir.ops.cast import Cast
from lissom.ir.ops.cast_like import CastLike
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.div import Div
from lissom.ir.ops.dropout import Dropout
from lissom.ir.ops.expand import Expand
from lissom.ir.ops.flatten import Flatten
from lissom.ir.ops.identity import Identity
from lissom.ir.ops.max import Max
from lissom.ir.ops.max_pool import MaxPool
from lissom.ir.ops.mean import Mean
from lissom.ir.ops.min import Min
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.pad import Pad
from lissom.ir.ops.pow import Pow
from lissom.ir.ops.reshape import Reshape
from lissom.ir.ops.slice import Slice
from lissom.ir.ops.squeeze import Squeeze
from lissom.ir.ops.sub import Sub
from lissom.ir.ops.sum import Sum
from lissom.ir.ops.tile import Tile
from lissom.ir.ops.transpose import Transpose
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.ops.where import Where
from lissom.ir.values import Const, Value
from lissom.passes.fold.lossless import holds_all_of
from lissom.passes.rule import Refused, Rule, rule


@rule
def identity(op: Identity) -> Value | None:
    """Identity(x)  =>  x."""
    return op.x


@rule
def dropout(op: Dropout) -> Value | None:
    """Dropout(x)  =>  x, outside training."""
    match op.training_mode:
        case None:
            return op.data
        case Const(training) if not training.any():
            return op.data
    raise Refused("it drops elements: its training_mode is not a constant false")


@rule
def same_shape(op: Reshape | Flatten | Squeeze | Unsqueeze | Expand | Tile) -> Value | None:
    """A change of shape to the shape there is  =>  x."""
    return op.x if op.type == op.x.type and op.type.shape is not None else None


@rule
def same_order(op: Transpose) -> Value | None:
    """Transpose with axes in order  =>  x."""
    return op.x if op.perm == tuple(range(len(op.perm))) else None


@rule
def same_type(op: Cast | CastLike) -> Value | None:
    """Cast to the type there is  =>  x; Cast(Cast(x)) back to x's type over one that holds all its elements  =>  x."""
    if op.type == op.x.type:
        return op.x
    match op.x:
        case Cast(x) | CastLike(x) if x.type == op.type and holds_all_of(op.x.type.dtype, x.type.dtype):
            return x
    return None


@rule
def everything(op: Slice) -> Value | None:
    """Slice of everything, forwards  =>  x."""
    forwards = op.steps is None or set(integers(op.steps) or (0,)) == {1}
    return op.x if forwards and op.type == op.x.type and op.type.shape is not None else None


@rule
def nothing_added(op: Pad) -> Value | None:
    """Pad by zero elements  =>  x."""
    pads = integers(op.pads)
    return op.x if pads is not None and not any(pads) else None


@rule
def single(op: Concat | Sum | Max | Min | Mean) -> Value | None:
    """Concat, Sum, Max, Min or Mean of one operand  =>  that operand."""
    return op.operands[0] if len(op.operands) == 1 else None


@rule
def neutral(op: Add | Sub | Mul | Div | Pow) -> Value | None:
    """x + 0, x - 0, x * 1, x / 1, x ** 1  =>  x, where the constant does not widen the shape."""
    x, c = op.operands
    element = 0 if isinstance(op, Add | Sub) else 1
    match c:
        case Const(data) if data.size and op.type == x.type and (data == element).all():
            return x
    return None


@rule
def unbounded(op: Clip) -> Value | None:
    """Clip without bounds  =>  x."""
    return op.x if op.min is None and op.max is None else None


@rule
def single_element_window(op: MaxPool | AveragePool) -> Value | None:
    """A pool over windows of one element, at every place  =>  x."""
    ones = set(op.kernel_shape) | set(op.strides) == {1}
    return op.x if ones and op.auto_pad == "NOTSET" and not any(op.pads) and len(op.results) == 1 else None


@rule
def decided(op: Where) -> Value | None:
    """Where with a constant all-true or all-false condition  =>  x or y, where its shape is the result's."""
    match op.condition:
        case Const(data) if data.size and (data.all() or not data.any()):
            chosen = op.x if data.all() else op.y
            return chosen if chosen.type == op.type else None
    return None


RULES: tuple[Rule, ...] = (
    identity,
    dropout,
    same_shape,
    same_order,
    same_type,
    everything,
    nothing_added,
    single,
    neutral,
    unbounded,
    single_element_window,
    decided,
)
