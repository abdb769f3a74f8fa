"""Normalizations, pools, reductions and other work along axes, in float and on plain integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from lissom.backends.c.bindings.products import three
from lissom.backends.c.builder import Builder, binds
from lissom.backends.c.geometry import Order, around, element_of, layout_order, merged, shape_of
from lissom.backends.c.program import Place
from lissom.ir.errors import Unsupported
from lissom.ir.op import op_class
from lissom.ir.ops.arg_max import ArgMax
from lissom.ir.ops.arg_min import ArgMin
from lissom.ir.ops.average_pool import AveragePool
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.cum_sum import CumSum
from lissom.ir.ops.group_normalization import GroupNormalization
from lissom.ir.ops.instance_normalization import InstanceNormalization
from lissom.ir.ops.layer_normalization import LayerNormalization
from lissom.ir.ops.log_softmax import LogSoftmax
from lissom.ir.ops.lrn import LRN
from lissom.ir.ops.max_pool import MaxPool
from lissom.ir.ops.rms_normalization import RMSNormalization
from lissom.ir.ops.softmax import Softmax
from lissom.ir.ops.top_k import TopK
from lissom.ir.types import Array
from lissom.ir.values import Const, Value
from lissom.kernels.kernel import Params

REDUCTIONS = {
    "ReduceSum": "sum",
    "ReduceMean": "mean",
    "ReduceMax": "max",
    "ReduceMin": "min",
    "ReduceProd": "prod",
    "ReduceL1": "l1",
    "ReduceL2": "l2",
    "ReduceLogSum": "log_sum",
    "ReduceLogSumExp": "log_sum_exp",
    "ReduceSumSquare": "sum_square",
    "GlobalAveragePool": "mean",
    "GlobalMaxPool": "max",
}
"""Kernel, by op."""


@binds(*map(op_class, REDUCTIONS))
def reduce(op: Any, b: Builder) -> None:
    x = op.operands[0]
    shape = shape_of(x)
    axes = _axes(op, len(shape))
    if axes is None:
        b.view(op, x)
        return
    steps = b.strides(x)
    kept = [i for i in range(len(shape)) if i not in axes]
    kept_size, kept_stride = merged([shape[i] for i in kept], [steps[i] for i in kept])
    size, stride = merged([shape[i] for i in axes], [steps[i] for i in axes])
    params = {
        "kept_rank": len(kept_size),
        "kept_size": kept_size,
        "kept_stride": kept_stride,
        "reduced_rank": len(size),
        "reduced_size": size,
        "reduced_stride": stride,
    }
    b.call(f"reduce_{REDUCTIONS[op.op_type]}_{element_of(x)}", params, [b.stored(x)], [b.write(op)])


def _axes(op: Any, rank: int) -> list[int] | None:
    """The axes reduced over, from the front; None when there is nothing to do."""
    if op.op_type.startswith("Global"):
        return list(range(2, rank))
    given = integers(op.axes, "axes")
    if given:
        return sorted(a % rank for a in given)
    if not op.noop_with_empty_axes:
        return list(range(rank))
    if op.op_type in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd"):
        return None
    raise Unsupported("noop_with_empty_axes of an element-wise reduction is not supported in C")


def integers(value: Value | None, what: str) -> list[int]:
    """The elements of a constant operand of integers; none for an absent one."""
    if value is None:
        return []
    if not isinstance(value, Const):
        raise Unsupported(f"{what} that are not constant are not supported in C")
    return [int(i) for i in value.data.reshape(-1)]


def along(x: Value, axis: int, b: Builder) -> tuple[Order, dict[str, int]]:
    """The order of the axes of ``x`` in memory, and the parameters of work along one of them on ``x`` as it lies."""
    order = b.order(x)
    outer, n, inner = around([shape_of(x)[i] for i in order], order.index(axis % len(order)))
    return order, {"outer": outer, "n": n, "inner": inner}


@binds(Softmax, LogSoftmax)
def softmax(op: Softmax | LogSoftmax, b: Builder) -> None:
    order, params = along(op.x, op.axis, b)
    task = f"{'softmax' if op.op_type == 'Softmax' else 'log_softmax'}_{element_of(op)}"
    b.call(task, params, [b.stored(op.x)], [b.write(op, order)])


@binds(LayerNormalization, RMSNormalization)
def row_norm(op: Any, b: Builder) -> None:
    b.only_first_result(op, "mean and deviation of a normalization")
    shape = shape_of(op)
    axis = op.axis % len(shape)
    n = int(np.prod(shape[axis:]))
    params = {"rows": op.type.size() // max(n, 1), "n": n, "epsilon": op.epsilon}
    if op.op_type == "RMSNormalization":
        scale = _per_element(b, op.scale, shape[axis:])
        b.call(f"rms_norm_{element_of(op)}", params, [b.read(op.x), scale], [b.write(op)])
        return
    reads = [b.read(op.x), _per_element(b, op.scale, shape[axis:]), op.b and _per_element(b, op.b, shape[axis:])]
    b.call(f"layer_norm_{element_of(op)}", params, reads, [b.write(op)])


def _per_element(b: Builder, value: Value, shape: tuple[int, ...]) -> Place | None:
    """A scale or bias with an element for each of ``shape``."""
    if shape_of(value) == shape:
        return b.read(value)
    if isinstance(value, Const):
        return b.constant(np.broadcast_to(value.data, shape), value.name)
    raise Unsupported(f"a scale or bias of shape {list(shape_of(value))} that is not constant is not supported in C")


@binds(GroupNormalization, InstanceNormalization)
def group_norm(op: Any, b: Builder) -> None:
    x, scale, bias = op.operands
    batch, channels, *spatial = shape_of(x)
    groups = op.num_groups if op.op_type == "GroupNormalization" else channels
    params = {
        "batch": batch,
        "groups": groups,
        "channels": channels // groups,
        "inner": int(np.prod(spatial)),
        "epsilon": op.epsilon,
    }
    b.call(f"group_norm_{element_of(x)}", params, [b.read(x), b.read(scale), b.read(bias)], [b.write(op)])


@binds(BatchNormalization)
def batch_norm(op: BatchNormalization, b: Builder) -> None:
    """Constants become one scale and one shift a channel."""
    parameters = (op.scale, op.b, op.input_mean, op.input_var)
    if op.training_mode or not all(isinstance(p, Const) for p in parameters):
        raise Unsupported("a batch normalization in training mode, or with computed parameters, is not supported in C")
    scale, shift, mean, var = (p.data.astype(np.float64) for p in parameters if isinstance(p, Const))
    factor = scale / np.sqrt(var + op.epsilon)
    arrays: tuple[Array, ...] = (factor, shift - mean * factor)
    order = b.order(op.x)
    reads = [b.stored(op.x), *(b.constant(a.astype(np.float32), op.name) for a in arrays)]
    outer, n, inner = around([shape_of(op)[axis] for axis in order], order.index(1))
    b.call(f"scale_shift_{element_of(op)}", {"outer": outer, "n": n, "inner": inner}, reads, [b.write(op, order)])


@binds(LRN)
def lrn(op: LRN, b: Builder) -> None:
    outer, n, inner = around(shape_of(op), 1)
    params = {
        "outer": outer,
        "channels": n,
        "inner": inner,
        "size": op.size,
        "alpha": op.alpha,
        "beta": op.beta,
        "bias": op.bias,
    }
    b.call(f"lrn_{element_of(op)}", params, [b.read(op.x)], [b.write(op)])


def pool_params(op: Any, x: tuple[int, ...], y: tuple[int, ...]) -> dict[str, Any]:
    """Parameters of a pool from ``x`` to ``y`` (NC*)."""
    if op.auto_pad != "NOTSET":
        raise Unsupported(f"auto_pad {op.auto_pad} was not resolved")
    rank = len(op.kernel_shape)
    return {
        "batch": x[0],
        "channels": x[1],
        "in": three(x[2:], 1),
        "out": three(y[2:], 1),
        "kernel": three(op.kernel_shape, 1),
        "stride": three(op.strides, 1),
        "dilation": three(op.dilations, 1),
        "pad": three(op.pads[:rank], 0),
        "pad_end": three(op.pads[rank:], 0),
        "count_pads": int(getattr(op, "count_include_pad", False)),
        "x_pixel": x[1],
        "y_pixel": x[1],
    }


def pool(op: Any, b: Builder, task: str, params: Params) -> None:
    """One call, in the order of axes its kernel wants."""
    kernel = b.choose(task, params)
    order = layout_order(kernel.layout, op.type.rank)
    b.call(kernel, params, [b.read(op.x, order)], [b.write(op, order)])


@binds(MaxPool)
def max_pool(op: MaxPool, b: Builder) -> None:
    b.only_first_result(op, "indices of a MaxPool")
    pool(op, b, f"max_pool_{element_of(op.x)}", pool_params(op, shape_of(op.x), shape_of(op)))


@binds(AveragePool)
def average_pool(op: AveragePool, b: Builder) -> None:
    pool(op, b, f"average_pool_{element_of(op.x)}", pool_params(op, shape_of(op.x), shape_of(op)))


@binds(ArgMax, ArgMin)
def arg(op: ArgMax | ArgMin, b: Builder) -> None:
    outer, n, inner = around(shape_of(op.data), op.axis)
    flags = {"smallest": int(op.op_type == "ArgMin"), "last": int(op.select_last_index)}
    params = {"outer": outer, "n": n, "inner": inner, **flags}
    b.call(f"arg_{element_of(op.data)}", params, [b.read(op.data)], [b.write(op)])


@binds(TopK)
def topk(op: TopK, b: Builder) -> None:
    outer, n, inner = around(shape_of(op.x), op.axis)
    k = shape_of(op)[op.axis]
    params = {"outer": outer, "n": n, "inner": inner, "k": k, "smallest": int(not op.largest)}
    b.call(f"topk_{element_of(op.x)}", params, [b.read(op.x)], [b.write(op), b.write(op.results[1])])


@binds(CumSum)
def cumsum(op: CumSum, b: Builder) -> None:
    (axis,) = integers(op.axis, "axes")
    outer, n, inner = around(shape_of(op.x), axis)
    params = {"outer": outer, "n": n, "inner": inner, "exclusive": int(op.exclusive), "reverse": int(op.reverse)}
    b.call(f"cumsum_{element_of(op.x)}", params, [b.read(op.x)], [b.write(op)])
