"""Ops that work element by element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lissom.backends.c.bindings.products import add_to_producer, scale_product
from lissom.backends.c.builder import Builder, binds
from lissom.backends.c.geometry import Order, broadcast, contiguous, element_of, item_bytes, merged, shape_of
from lissom.backends.c.program import Place
from lissom.ir.errors import Unsupported
from lissom.ir.op import Op, op_class
from lissom.ir.ops.add import Add
from lissom.ir.ops.cast import Cast
from lissom.ir.ops.cast_like import CastLike
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.gelu import Gelu
from lissom.ir.ops.mod import Mod
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.where import Where
from lissom.ir.types import DType
from lissom.ir.values import Const, Value
from lissom.kernels.kernel import Params

PLAIN = """
Abs Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh Erf Exp Floor Log Mish Neg Reciprocal Round Sigmoid Sign Sin Sinh
Softplus Softsign Sqrt Tan Tanh
"""
"""Functions without constants; the kernel has the op's name in lower case."""

UNARY: dict[str, tuple[str, Callable[[Any], tuple[float, float]]]] = {
    **{name: (name.lower(), lambda op: (0.0, 0.0)) for name in PLAIN.split()},
    "Celu": ("celu", lambda op: (op.alpha, 0.0)),
    "Elu": ("elu", lambda op: (op.alpha, 0.0)),
    "HardSigmoid": ("hard_sigmoid", lambda op: (op.alpha, op.beta)),
    "HardSwish": ("hard_swish", lambda op: (0.0, 0.0)),
    "LeakyRelu": ("leaky_relu", lambda op: (op.alpha, 0.0)),
    "Selu": ("selu", lambda op: (op.alpha, op.gamma)),
    "Shrink": ("shrink", lambda op: (op.lambd, op.bias)),
    "Swish": ("swish", lambda op: (op.alpha, 0.0)),
    "ThresholdedRelu": ("thresholded_relu", lambda op: (op.alpha, 0.0)),
}
"""Kernel and its two constants, by op."""

BINARY = {
    "Add": "add",
    "Sub": "sub",
    "Mul": "mul",
    "Div": "div",
    "Pow": "pow",
    "PRelu": "prelu",
    "Equal": "equal",
    "Less": "less",
    "LessOrEqual": "less_or_equal",
    "Greater": "greater",
    "GreaterOrEqual": "greater_or_equal",
}
"""Kernel of two operands, by op."""


def unary(b: Builder, task: str, op: Op, x: Value, alpha: float = 0.0, beta: float = 0.0) -> None:
    """One call over all elements of ``x``, in whatever order they are."""
    params = {"count": x.type.size(), "alpha": alpha, "beta": beta}
    b.call(task, params, [b.stored(x)], [b.write(op, b.order(x))])


def broadcast_params(b: Builder, op: Op, *operands: Value) -> dict[str, Any]:
    """Size and strides of a loop over the elements of a result as :func:`common_order` stores it, for operands that are
    read as they are stored."""
    shape, order = shape_of(op), common_order(b, op, operands)
    strides = [broadcast(shape_of(v), shape, b.strides(v)) for v in operands]
    return loop_params([shape[axis] for axis in order], *([s[axis] for axis in order] for s in strides))


def loop_params(shape: Sequence[int], *strides: Sequence[int]) -> dict[str, Any]:
    """Size and strides of a loop over ``shape`` with up to three operands."""
    size, *merged_strides = merged(shape, *strides)
    names = ("a_stride", "b_stride", "c_stride")
    return {"rank": len(size), "size": size, **dict(zip(names, merged_strides, strict=False))}


def common_order(b: Builder, op: Op, operands: Sequence[Value]) -> Order:
    """The order of a result's axes: that of the largest operand of its rank."""
    whole = [v for v in operands if v.type.rank == op.type.rank]
    return b.order(max(whole, key=lambda v: v.type.size())) if whole else tuple(range(op.type.rank))


@binds(*map(op_class, UNARY))
def function(op: Op, b: Builder) -> None:
    (x,) = op.operands
    task, constants = UNARY[op.op_type]
    unary(b, f"{task}_{element_of(x)}", op, x, *constants(op))


@binds(Gelu)
def gelu(op: Gelu, b: Builder) -> None:
    unary(b, f"gelu{'_tanh' if op.approximate == 'tanh' else ''}_{element_of(op.x)}", op, op.x)


@binds(op_class("Not"))
def negation(op: Any, b: Builder) -> None:
    unary(b, "not", op, op.x)


@binds(Relu)
def relu(op: Relu, b: Builder) -> None:
    if b.clamp_producer(op.x, op, 0.0, np.inf):
        return
    if op.x.type.dtype is DType.float32:
        unary(b, "relu_f32", op, op.x)
    else:
        fold(op, b, "max", (op.x, Const(np.zeros((), op.x.type.dtype.numpy), "zero")))


@binds(Clip)
def clip(op: Clip, b: Builder) -> None:
    """One pass where both bounds are constants, the larger one last as in the op; else Max and Min."""
    bounds = [None if v is None else v.data for v in (op.min, op.max) if v is None or isinstance(v, Const)]
    if op.x.type.dtype is DType.float32 and len(bounds) == 2:
        low = -np.inf if bounds[0] is None else float(bounds[0].reshape(()))
        high = np.inf if bounds[1] is None else float(bounds[1].reshape(()))
        low = min(low, high)
        if not b.clamp_producer(op.x, op, low, high):
            unary(b, "clip_f32", op, op.x, low, high)
        return
    element, count = element_of(op.x), (op.type.size(),)
    if op.min is None and op.max is None:
        b.view(op, op.x, order=b.order(op.x))
        return
    x, y = b.stored(op.x), b.write(op, b.order(op.x))
    for task, bound in (("max", op.min), ("min", op.max)):
        if bound is not None:
            limit = b.read(bound)
            assert limit is not None
            b.call(f"{task}_{element}", loop_params(count, (1,), (0,)), [x, limit], [y])
            x = y


@binds(*map(op_class, BINARY))
def binary(op: Op, b: Builder) -> None:
    left, right = op.operands if len(op.operands) == 2 else op.operands * 2
    if left.type.dtype is not right.type.dtype:
        raise Unsupported(f"operands of two types, {left.type} and {right.type}, are not supported in C")
    element = "u8" if left.type.dtype is DType.bool else element_of(left)
    if (isinstance(op, Add) and add_to_producer(op, b)) or (isinstance(op, Mul) and scale_product(op, b)):
        return
    loop(b, f"{BINARY[op.op_type]}_{element}", op, (left, right))


def loop(b: Builder, task: str, op: Op, operands: Sequence[Value], params: Params | None = None) -> None:
    """One call that broadcasts ``operands``; ``params`` are those besides the loop's."""
    order = common_order(b, op, operands)
    b.call(
        task,
        {**broadcast_params(b, op, *operands), **(params or {})},
        [b.stored(v) for v in operands],
        [b.write(op, order)],
    )


@binds(Mod)
def mod(op: Mod, b: Builder) -> None:
    loop(b, f"{'fmod' if op.fmod else 'mod'}_{element_of(op.a)}", op, (op.a, op.b))


@binds(op_class("And"), op_class("Or"), op_class("Xor"))
def logic(op: Any, b: Builder) -> None:
    loop(b, op.op_type.lower(), op, (op.a, op.b))


@binds(op_class("Max"), op_class("Min"), op_class("Sum"), op_class("Mean"))
def variadic(op: Any, b: Builder) -> None:
    task = {"Max": "max", "Min": "min"}.get(op.op_type, "add")
    y = fold(op, b, task, op.inputs)
    if op.op_type == "Mean":
        params = {"count": op.type.size(), "alpha": 1 / len(op.inputs), "beta": 0.0}
        b.call(f"affine_{element_of(op)}", params, [y], [y])


def fold(op: Op, b: Builder, task: str, operands: Sequence[Value]) -> Place:
    """``f(f(a, b), c) ...``, all broadcast to the shape of ``op``; the last call writes the result."""
    order = common_order(b, op, operands)
    shape = [shape_of(op)[axis] for axis in order]

    def steps(value: Value) -> list[int]:
        found = broadcast(shape_of(value), shape_of(op), b.strides(value))
        return [found[axis] for axis in order]

    y = b.write(op, order)
    left, left_steps = b.stored(operands[0]), steps(operands[0])
    if len(operands) == 1:
        b.copy(item_bytes(op), shape, (left, left_steps, 0), (y, contiguous(shape), 0))
    for i, right in enumerate(operands[1:], 1):
        target = y if i == len(operands) - 1 else Place(b.memory(op.type.size() * item_bytes(op)))
        params = loop_params(shape, left_steps, steps(right))
        b.call(f"{task}_{element_of(op)}", params, [left, b.stored(right)], [target])
        left, left_steps = target, list(contiguous(shape))
    return y


@binds(Where)
def where(op: Where, b: Builder) -> None:
    order = common_order(b, op, (op.x, op.y, op.condition))
    params = {"element": item_bytes(op), **broadcast_params(b, op, op.x, op.y, op.condition)}
    b.call("where", params, [b.stored(v) for v in (op.condition, op.x, op.y)], [b.write(op, order)])


@binds(Cast, CastLike)
def cast(op: Cast | CastLike, b: Builder) -> None:
    source, target = element_of(op.x), element_of(op)
    if source == target:
        b.view(op, op.x, order=b.order(op.x))
        return
    params = {"count": op.type.size(), "from": f"LISSOM_{source.upper()}", "to": f"LISSOM_{target.upper()}"}
    b.call("cast", params, [b.stored(op.x)], [b.write(op, b.order(op.x))])
