"""Ops on 8-bit tensors: docs/numerics.md, the same bytes as the interpreter."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import torch

from lissom.backends.c.bindings.along_axes import along, pool, pool_params
from lissom.backends.c.bindings.elementwise import loop
from lissom.backends.c.bindings.products import batched, conv_params, flipped, matmul_params, matrix, one_row, weights
from lissom.backends.c.bindings.sparse import sparse_convolution
from lissom.backends.c.builder import Builder, binds
from lissom.backends.c.geometry import Order, around, channels_last, contiguous, element_of, layout_order, shape_of
from lissom.backends.c.packing import holds_all
from lissom.backends.c.packing.operand import Operand
from lissom.backends.c.program import Place
from lissom.ir.errors import Unsupported
from lissom.ir.families.quantization import RANGES, multiplier_array
from lissom.ir.ops.average_pool import AveragePool
from lissom.ir.ops.dequantize_linear import DequantizeLinear
from lissom.ir.ops.lookup import Lookup
from lissom.ir.ops.qlinear_add import QLinearAdd
from lissom.ir.ops.qlinear_average_pool import QLinearAveragePool
from lissom.ir.ops.qlinear_conv import QLinearConv
from lissom.ir.ops.qlinear_gemm import QLinearGemm
from lissom.ir.ops.qlinear_global_average_pool import QLinearGlobalAveragePool
from lissom.ir.ops.qlinear_layer_normalization import QLinearLayerNormalization
from lissom.ir.ops.qlinear_mat_mul import QLinearMatMul
from lissom.ir.ops.qlinear_mul import QLinearMul
from lissom.ir.ops.qlinear_reduce_mean import QLinearReduceMean
from lissom.ir.ops.qlinear_softmax import QLinearSoftmax
from lissom.ir.ops.qlinear_sub import QLinearSub
from lissom.ir.ops.quantize_linear import QuantizeLinear
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Const, Input, Value, producer
from lissom.kernels.table import activation

OUTPUT = np.dtype([("low", np.float32), ("high", np.float32), ("zero", np.int32)])
"""``lissom_q8_output`` as numpy sees it."""


def parameter(value: Value | None, what: str) -> Array:
    """A scale or zero point, which has to be a constant."""
    if not isinstance(value, Const):
        raise Unsupported(f"{what} that is not constant is not supported in C")
    return value.data


def scalar(value: Value | None, what: str) -> Any:
    """A scale or zero point for a whole tensor."""
    array = parameter(value, what)
    if array.size != 1:
        raise Unsupported(f"{what} with {array.size} elements is not supported in C here; one is")
    return array.reshape(())[()]


def flip_of(value: Value) -> int:
    """What turns a byte of the tensor into its value, plus 128 for int8."""
    if value.type.dtype not in (DType.int8, DType.uint8):
        raise Unsupported(f"{value.type.dtype} where int8 or uint8 is wanted")
    return 0x80 if value.type.dtype is DType.int8 else 0


def widened(value: Value) -> Value:
    """Constant weights of 4 or 2 bits as int8 or uint8, which kernels read."""
    if not isinstance(value, Const) or value.type.dtype.bits >= 8:
        return value
    wide = np.int8 if value.type.dtype in (DType.int4, DType.int2) else np.uint8
    return Const(value.data.astype(wide), value.name)


def q8_input(value: Value, zero_point: Value | None) -> dict[str, int]:
    """A ``lissom_q8_input``."""
    flip = flip_of(value)
    return {"flip": flip, "zero": int(scalar(zero_point, "a zero point")) + flip}


def q8_output(value: Value, zero_point: Value) -> dict[str, float]:
    """A ``lissom_q8_output``."""
    zero, (low, high) = int(scalar(zero_point, "a zero point")), RANGES[value.type.dtype]
    return {"low": float(low - zero), "high": float(high - zero), "zero": zero}


def zero_points(b: Builder, value: Value, zero_point: Value, count: int) -> tuple[Place, int]:
    """Zero points of a weight operand as int32, shifted as ``flip_of`` shifts values, and their stride."""
    array = parameter(zero_point, "a zero point").reshape(-1).astype(np.int32) + flip_of(value)
    if array.size > 1 and (array == array[0]).all():
        array = array[:1]
    if array.size not in (1, count):
        raise Unsupported(f"{array.size} zero points for {count} channels")
    return b.constant(array.astype(np.int32), f"{value.name}.zero"), int(array.size > 1)


def is_plain(value: Value, zero_point: Value) -> int:
    """1 for int8 with zero point 0, which kernels may read as it stands; 2 where no element is -128: sums of two
    products with bytes then fit in 16 bits."""
    if value.type.dtype is not DType.int8 or parameter(zero_point, "a zero point").any():
        return 0
    return 2 if isinstance(value, Const) and value.data.size and value.data.min() > -128 else 1


def is_small(value: Value) -> int:
    """1 for constant weights of which two products with an unsigned byte fit in 16 bits."""
    return int(
        isinstance(value, Const) and value.type.dtype is DType.int8 and np.abs(value.data.astype(int)).max() <= 64
    )


def is_narrow(value: Value) -> int:
    """1 for constant weights (outputs, ...) whose sums of products with unsigned bytes fit in 26 bits."""
    return int(isinstance(value, Const) and 255 * max(sums.max() for sums in signed_sums(value)) < 2**25)


@functools.lru_cache(maxsize=4)
def signed_sums(weight: Const) -> tuple[Array, Array]:
    """For each output of constant weights (outputs, ...) of 8 bits, the sums of the positive ones and of the others'
    magnitudes; kept as long as one layer is looked at."""
    w = weight.data.reshape(len(weight.data), -1).astype(np.int16)
    total, magnitudes = w.sum(1, dtype=np.int64), np.abs(w).sum(1, dtype=np.int64)
    return (magnitudes + total) // 2, (magnitudes - total) // 2


def reach_of(value: Value, bias: Value | None, x: dict[str, int]) -> int:
    """A bound on the sums of products with constant weights (outputs, ...), bias included; outputs whose weights are
    all zero do not count."""
    if not isinstance(value, Const) or not isinstance(bias, Const | None):
        return 2**31 - 1
    up, down = signed_sums(value)
    b = 0 if bias is None else bias.data.astype(np.int64)
    highest = b + (255 - x["zero"]) * up + x["zero"] * down
    lowest = b - x["zero"] * up - (255 - x["zero"]) * down
    reach = np.where(up + down > 0, np.maximum(highest, -lowest), 0)
    return int(min(reach.max(initial=0), 2**31 - 1))


def is_bounded(value: Value, bias: Value | None, x: dict[str, int], factors: Array) -> int:
    """1 where no sum of products with weights (outputs, ...), bias included, leaves 32 bits when it is multiplied."""
    most = reach_of(value, bias, x)
    if bias is not None:  # outputs without weights count too
        most = max(most, int(np.abs(bias.data.astype(np.int64)).max(initial=0)) if isinstance(bias, Const) else 2**31)
    return int(most * float(factors.max(initial=0)) < 2**30)


def multipliers(op: Any, x_scale: Value, w_scale: Value, count: int) -> Array:
    """Requantization multipliers: one of each channel, or one for all."""
    scale = np.float32(scalar(x_scale, "a scale"))
    array = multiplier_array(scale, parameter(w_scale, "a scale"), parameter(op.y_scale, "a scale")).reshape(-1)
    if array.size not in (1, count):
        raise Unsupported(f"{array.size} scales for {count} channels")
    return array.astype(np.float32)


def check_bias(op: Any) -> None:
    """Refuse a bias that is not int32."""
    if op.b is not None and op.b.type.dtype is not DType.int32:
        raise Unsupported(f"a bias of type {op.b.type}; int32 is wanted")


NO_SKIP = {"flip": 0, "zero": 0, "ratio": 0.0, "skip_ratio": 0.0, "y": {"low": 0.0, "high": 0.0, "zero": 0}}
"""The ``lissom_q8_residual`` of a convolution without an addition."""


@binds(QLinearConv)
def conv(op: QLinearConv, b: Builder) -> None:
    w, weight = shape_of(op.w), widened(op.w)
    zeros, zero_stride = zero_points(b, weight, op.w_zero_point, w[0])
    factors = multipliers(op, op.x_scale, op.w_scale, w[0])
    params = {
        "conv": conv_params(op, shape_of(op.x), shape_of(op), w[2:]),
        "x": q8_input(op.x, op.x_zero_point),
        "y": q8_output(op, op.y_zero_point),
        "w_plain": is_plain(weight, op.w_zero_point),
        "w_flip": flip_of(weight),
        "w_zero_stride": zero_stride,
        "multiplier_stride": int(factors.size > 1),
        "reach": reach_of(weight, op.b, q8_input(op.x, op.x_zero_point)),
        "small": is_small(weight),
        "narrow": is_narrow(weight),
        "bounded": is_bounded(weight, op.b, q8_input(op.x, op.x_zero_point), factors),
        "skip": NO_SKIP,
    }
    check_bias(op)
    kernel = b.choose("conv_q8", params)
    if isinstance(weight, Const) and isinstance(op.b, Const | None):
        beside = {"b": np.zeros(w[0], np.int32) if op.b is None else op.b.data, "multiplier": factors}
        if sparse_convolution(op, b, op.x, weight.data, params, beside, kernel, len(w)):
            return
    order = layout_order(kernel.layout, len(w))
    if holds_all(kernel.packing["w"]):
        if not isinstance(weight, Const) or not isinstance(op.b, Const | None):
            raise Unsupported("weights or a bias that are not constant")
        bias = np.zeros(w[0], np.int32) if op.b is None else op.b.data
        whole = Operand(weight.data, params, {"b": bias, "multiplier": factors})
        operands = [b.packed(kernel, "w", whole, f"{op.name}.panels"), None, None, None]
    else:
        operands = [weights(b, kernel, "w", weight), zeros, b.constant(factors, f"{op.name}.multiplier"), b.read(op.b)]
    b.call(kernel, params, [b.read(op.x, order), *operands, None], [b.write(op, order)])


def rows_as_convolution(op: Any, b: Builder, x: Value, zero: Value, w: Value, w_zero: Value, factors: Array) -> bool:
    """A product with constant weights (N, K) is a convolution of one row of positions with K channels: where the
    target has a kernel that takes all weights packed, that is called."""
    w = widened(w)
    bias = getattr(op, "b", None) if isinstance(op, QLinearGemm) else None
    if not isinstance(w, Const) or not isinstance(getattr(op, "b", None) or w, Const) or w.type.rank != 2:
        return False
    n, k = shape_of(w)
    params = {
        "conv": one_row(x.type.size() // k, k, n),
        "x": q8_input(x, zero),
        "y": q8_output(op, op.y_zero_point),
        "w_plain": is_plain(w, w_zero),
        "w_flip": flip_of(w),
        "w_zero_stride": 0,
        "multiplier_stride": int(factors.size > 1),
        "reach": reach_of(w, bias, q8_input(x, zero)),
        "small": is_small(w),
        "narrow": is_narrow(w),
        "bounded": is_bounded(w, bias, q8_input(x, zero), factors),
        "skip": NO_SKIP,
    }
    kernel = b.chooser("conv_q8", params, b.program.target)
    beside = {"b": np.zeros(n, np.int32) if bias is None else bias.data, "multiplier": factors}
    if sparse_convolution(op, b, x, w.data, params, beside, kernel, 2):
        return True
    if isinstance(kernel, str) or not holds_all(kernel.packing["w"]):
        return False
    whole = b.packed(kernel, "w", Operand(w.data, params, beside), f"{op.name}.panels")
    b.call(kernel, params, [b.read(x), whole, None, None, None, None], [b.write(op)])
    return True


@binds(QLinearGemm)
def gemm(op: QLinearGemm, b: Builder) -> None:
    """A constant w (N, K) is stored as (K, N)."""
    n, _ = shape_of(op.w)
    check_bias(op)
    factors = multipliers(op, op.x_scale, op.w_scale, n)
    if rows_as_convolution(op, b, op.x, op.x_zero_point, op.w, op.w_zero_point, factors):
        return
    w = widened(op.w)
    right = Const(np.ascontiguousarray(w.data.T), w.name) if isinstance(w, Const) else w
    of_w = (shape_of(right), b.strides(right))
    x = (shape_of(op.x), contiguous(shape_of(op.x)))
    params = matmul_params(x, flipped(of_w) if right is w else of_w, (shape_of(op), contiguous(shape_of(op))))
    place, order = b.read(op.x), tuple(range(op.type.rank))
    left = (op.x, op.x_scale, op.x_zero_point)
    _product(op, b, params | {"c_n": 1}, place, left, right, (op.w_scale, op.w_zero_point), n, order)


@binds(QLinearMatMul)
def matmul(op: QLinearMatMul, b: Builder) -> None:
    right = shape_of(op.b)
    if isinstance(op.b, Const) and len(right) == 2 and parameter(op.a_scale, "a scale").size == 1:
        w = Const(np.ascontiguousarray(op.b.data.T), op.b.name)
        factors = multipliers(op, op.a_scale, op.b_scale, right[1])
        if rows_as_convolution(op, b, op.a, op.a_zero_point, w, op.b_zero_point, factors):
            return
    params, place, order = batched(op, b)
    left = (op.a, op.a_scale, op.a_zero_point)
    _product(op, b, params, place, left, op.b, (op.b_scale, op.b_zero_point), params["n"], order)


def _product(
    op: Any,
    b: Builder,
    matmul: Any,
    place: Place | None,
    a: tuple[Value, Value, Value],
    right: Value,
    of_right: tuple[Value, Value],
    n: int,
    order: Order,
) -> None:
    left, scale, zero = a
    zeros, zero_stride = zero_points(b, right, of_right[1], n)
    factors = multipliers(op, scale, of_right[0], n)
    params = {
        "matmul": matmul,
        "a": q8_input(left, zero),
        "y": q8_output(op, op.y_zero_point),
        "b_plain": int(isinstance(right, Const) and is_plain(right, of_right[1]) > 0),
        "b_flip": flip_of(right),
        "b_zero_stride": zero_stride,
        "multiplier_stride": int(factors.size > 1),
    }
    kernel = b.choose("matmul_q8", params)
    bias = None
    if isinstance(op, QLinearGemm):
        check_bias(op)
        bias = b.read(op.b)
    by_channel = b.constant(factors, f"{op.name}.multiplier")
    b.call(kernel, params, [place, matrix(b, kernel, right), zeros, by_channel, bias], [b.write(op, order)])


@binds(QLinearAdd, QLinearMul, QLinearSub)
def binary(op: QLinearAdd | QLinearMul | QLinearSub, b: Builder) -> None:
    sa, sb, sy = (np.float32(scalar(s, "a scale")) for s in (op.a_scale, op.b_scale, op.y_scale))
    if isinstance(op, QLinearAdd) and add_to_producer(op, b, sa / sy, sb / sy):
        return
    task = {QLinearAdd: "add_q8", QLinearMul: "mul_q8", QLinearSub: "sub_q8"}[type(op)]
    params = {
        "a": q8_input(op.a, op.a_zero_point),
        "b": q8_input(op.b, op.b_zero_point),
        "y": q8_output(op, op.y_zero_point),
        "a_ratio": sa / sy,
        "b_ratio": sb / sy,
        "multiplier": np.float32(sa * sb) / sy,
    }
    loop(b, task, op, (op.a, op.b), params)


def add_to_producer(op: QLinearAdd, b: Builder, a_ratio: np.float32, b_ratio: np.float32) -> bool:
    """Let the layer that computes an operand, a convolution or computed as one, add the other one, as a residual block
    does."""
    sides = [
        (op.b, op.b_zero_point, b_ratio, op.a, op.a_zero_point, a_ratio),
        (op.a, op.a_zero_point, a_ratio, op.b, op.b_zero_point, b_ratio),
    ]
    for value, zero, ratio, other, other_zero, other_ratio in sides:
        made = producer(b.computed(value))
        if (
            not isinstance(made, QLinearConv | QLinearGemm | QLinearMatMul)
            or shape_of(value) != shape_of(op)
            or shape_of(other) != shape_of(op)
            or not value.type.dtype is other.type.dtype is op.type.dtype
        ):
            continue
        if value is other or scalar(zero, "a zero point") != scalar(made.y_zero_point, "a zero point"):
            continue
        order = b.order(value)
        call = b.reclaim(value, "conv_q8", skip=NO_SKIP)
        if call is None:
            continue
        skip = {
            **q8_input(other, other_zero),
            "ratio": ratio,
            "skip_ratio": other_ratio,
            "y": q8_output(op, op.y_zero_point),
        }
        params = {**call.params, "skip": skip}
        b.call(call.kernel, params, [*call.reads[:-1], b.read(other, order)], [b.write(op, order)])
        return True
    return False


@binds(QLinearAveragePool, QLinearGlobalAveragePool)
def average_pool(op: QLinearAveragePool | QLinearGlobalAveragePool, b: Builder) -> None:
    x = shape_of(op.x)
    window = op if isinstance(op, QLinearAveragePool) else AveragePool(op.x, x[2:])
    pool(op, b, "average_pool_q8", {"pool": pool_params(window, x, shape_of(op)), **_mean_of(op)})


def _mean_of(op: Any) -> dict[str, Any]:
    """The ``lissom_pool_q8_params`` of an op besides its geometry."""
    return {
        "x": q8_input(op.x, op.x_zero_point),
        "y": q8_output(op, op.y_zero_point),
        "x_scale": np.float32(scalar(op.x_scale, "a scale")),
        "y_scale": np.float32(scalar(op.y_scale, "a scale")),
    }


@binds(QLinearReduceMean)
def reduce_mean(op: QLinearReduceMean, b: Builder) -> None:
    """An average pool whose window is the axes, which have to lie side by side: as x is stored, or in the graph's
    order. What lies behind them are its channels, or, for kernels that want channels first, its columns."""
    plain = tuple(range(op.x.type.rank))
    order = next((o for o in (b.order(op.x), plain) if _together(o, op.axes)), None)
    if order is None:
        raise Unsupported(f"a mean over axes {list(op.axes)} that do not lie side by side is not supported in C")
    sizes, first = [shape_of(op.x)[axis] for axis in order], min(order.index(axis) for axis in op.axes)
    last = first + len(op.axes)
    outer, n, inner = (math.prod(s) for s in (sizes[:first], sizes[first:last], sizes[last:]))
    params = {"pool": _window((outer, inner, 1, n), (1, n)), **_mean_of(op)}
    kernel = b.choose("average_pool_q8", params)
    if kernel.layout != "NHWC":
        params["pool"] = _window((outer, 1, n, inner), (n, 1))
        kernel = b.choose("average_pool_q8", params)
    rest = [axis for axis in plain if axis not in op.axes]
    y_order = order if op.keepdims else tuple(rest.index(axis) for axis in order if axis in rest)
    b.call(kernel, params, [b.read(op.x, order)], [b.write(op, y_order)])


def _together(order: Order, axes: tuple[int, ...]) -> bool:
    places = sorted(order.index(axis) for axis in axes)
    return bool(axes) and places == list(range(places[0], places[0] + len(axes)))


def _window(x: tuple[int, int, int, int], kernel: tuple[int, int]) -> dict[str, Any]:
    """Parameters of the means over n rows or columns, which are all of them."""
    pooled = (*x[:2], x[2] - kernel[0] + 1, x[3] - kernel[1] + 1)
    return pool_params(AveragePool(Input("x", TensorType(DType.float32, x)), kernel), x, pooled)


@binds(QLinearSoftmax)
def softmax(op: QLinearSoftmax, b: Builder) -> None:
    order, around_axis = along(op.x, op.axis, b)
    params = {
        **around_axis,
        "flip": flip_of(op.x),
        "y": q8_output(op, op.y_zero_point),
        "y_scale": np.float32(scalar(op.y_scale, "a scale")),
    }
    table = parameter(op.table, "a table")
    if int(table.max()) * params["n"] >= 2**31:
        raise Unsupported(f"a sum of {params['n']} exponentials may not fit in int32")
    b.call("softmax_q8", params, [b.stored(op.x), b.constant(table, f"{op.name}.table")], [b.write(op, order)])


@binds(QLinearLayerNormalization)
def layer_norm(op: QLinearLayerNormalization, b: Builder) -> None:
    n = shape_of(op)[-1]
    x_scale = torch.from_numpy(np.array(scalar(op.x_scale, "a scale")))
    params = {
        "rows": op.type.size() // n,
        "n": n,
        "x": q8_input(op.x, op.x_zero_point),
        "y": q8_output(op, op.y_zero_point),
        "spread": np.float32(op.spread(x_scale, n)),
    }
    y_scale = np.float32(scalar(op.y_scale, "a scale"))
    scale = b.constant(parameter(op.scale, "a scale") / y_scale, f"{op.name}.scale")
    bias = None if op.b is None else b.constant(parameter(op.b, "a bias") / y_scale, f"{op.name}.bias")
    b.call("layer_norm_q8", params, [b.read(op.x), scale, bias], [b.write(op)])


def channel_params(b: Builder, op: Any, scale: Array, zero: Array | None) -> tuple[dict[str, int], int]:
    """(outer, channels, inner) for the axis scales lie along in x as it is stored, and how many channels there are."""
    order = b.order(op.x)
    shape = [shape_of(op)[axis] for axis in order]
    if op.block_size:
        raise Unsupported("scales in blocks are not supported in C")
    count = max(scale.size, 1 if zero is None else zero.size)
    if count == 1:
        return {"outer": 1, "channels": 1, "inner": op.type.size(), "turned": 0}, 1
    axis = order.index(op.axis % len(shape))
    outer, inner = int(np.prod(shape[:axis])), int(np.prod(shape[axis + 1 :]))
    return {"outer": outer, "channels": shape[axis], "inner": inner, "turned": 0}, shape[axis]


@binds(QuantizeLinear)
def quantize(op: QuantizeLinear, b: Builder) -> None:
    if op.type.dtype not in (DType.int8, DType.uint8) or op.precision not in (None, DType.float32):
        raise Unsupported(f"quantizing to {op.type.dtype} in {op.precision or 'float32'} is not supported in C")
    scale = parameter(op.y_scale, "a scale").reshape(-1)
    zero = None if op.y_zero_point is None else parameter(op.y_zero_point, "a zero point").reshape(-1)
    params, count = channel_params(b, op, scale, zero)
    order = b.order(op.x)
    if _wanted_last(op, b) and order == tuple(range(op.type.rank)):
        batch, count, positions = around(shape_of(op), 1)
        params = {"outer": batch, "channels": count, "inner": positions, "turned": 1}
        order = channels_last(op.type.rank)
    outputs = np.zeros(count, OUTPUT)
    outputs["zero"] = 0 if zero is None else zero
    low, high = RANGES[op.type.dtype]
    outputs["low"], outputs["high"] = low - outputs["zero"], high - outputs["zero"]
    scales = b.constant(np.broadcast_to(scale.astype(np.float32), count), f"{op.name}.scale")
    task = "quantize_q8" if element_of(op.x) == "f32" else f"quantize_q8 from {element_of(op.x)}"
    ranges = b.constant(outputs, f"{op.name}.range")
    b.call(task, params, [b.stored(op.x), scales, ranges], [b.write(op, order)])


def _wanted_last(op: QuantizeLinear, b: Builder) -> bool:
    """Whether convolutions read a quantized image with its channels last, and these are few: it is written so then."""
    whole = op.y_scale.type.size() == 1 and op.type.rank > 1 and 1 < shape_of(op)[1] <= MOST_TURNED
    return whole and activation(b.program.target) is not None and any(isinstance(u, QLinearConv) for u in op.users)


MOST_TURNED = 16
"""Channels of an image that are turned as they are quantized."""


@binds(DequantizeLinear)
def dequantize(op: DequantizeLinear, b: Builder) -> None:
    if op.type.dtype is not DType.float32:
        raise Unsupported(f"dequantizing to {op.type.dtype} is not supported in C")
    scale = parameter(op.x_scale, "a scale").reshape(-1)
    zero = None if op.x_zero_point is None else parameter(op.x_zero_point, "a zero point").reshape(-1)
    params, count = channel_params(b, op, scale, zero)
    zeros = np.broadcast_to(np.zeros((), op.x.type.dtype.numpy) if zero is None else zero, count)
    scales = np.broadcast_to(scale.astype(np.float32), count)
    reads = [b.stored(op.x), b.constant(scales, f"{op.name}.scale"), b.constant(zeros, f"{op.name}.zero")]
    b.call(f"dequantize_{element_of(op.x)}", params, reads, [b.write(op, b.order(op.x))])


@binds(Lookup)
def lookup(op: Lookup, b: Builder) -> None:
    table = b.constant(parameter(op.table, "a table"), f"{op.name}.table")
    element = op.type.dtype.numpy.itemsize
    params = {"count": op.type.size(), "element": element}
    b.call("lookup", params, [b.stored(op.x), table], [b.write(op, b.order(op.x))])
