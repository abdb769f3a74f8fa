"""The realization of a quantized graph: from FakeQuant to QuantizeLinear / DequantizeLinear pairs to integer ops.

The rules here also lower graphs that came with such pairs (QDQ models). Dequantization sinks through ops that only move
elements; where a float op stands between dequantize and quantize, the three become its integer form. What has none
stays in float between the pairs.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import numpy as np
import torch

from lissom.ir.errors import Unsupported
from lissom.ir.families.quantization import RANGES
from lissom.ir.graph import Graph
from lissom.ir.interpreter import run_op
from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.ops.average_pool import AveragePool
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.dequantize_linear import DequantizeLinear
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.global_average_pool import GlobalAveragePool
from lissom.ir.ops.layer_normalization import LayerNormalization
from lissom.ir.ops.lookup import Lookup
from lissom.ir.ops.lookup_channels import LookupChannels
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.pad import Pad
from lissom.ir.ops.qlinear_add import QLinearAdd
from lissom.ir.ops.qlinear_average_pool import QLinearAveragePool
from lissom.ir.ops.qlinear_conv import QLinearConv
from lissom.ir.ops.qlinear_conv_transpose import QLinearConvTranspose
from lissom.ir.ops.qlinear_gemm import QLinearGemm
from lissom.ir.ops.qlinear_global_average_pool import QLinearGlobalAveragePool
from lissom.ir.ops.qlinear_layer_normalization import QLinearLayerNormalization
from lissom.ir.ops.qlinear_mat_mul import QLinearMatMul
from lissom.ir.ops.qlinear_mul import QLinearMul
from lissom.ir.ops.qlinear_reduce_mean import QLinearReduceMean
from lissom.ir.ops.qlinear_resize import QLinearResize
from lissom.ir.ops.qlinear_softmax import QLinearSoftmax, exponentials
from lissom.ir.ops.qlinear_sub import QLinearSub
from lissom.ir.ops.quantize_linear import QuantizeLinear
from lissom.ir.ops.reduce_mean import ReduceMean
from lissom.ir.ops.reduce_sum import ReduceSum
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.resize import Resize
from lissom.ir.ops.softmax import Softmax
from lissom.ir.ops.sub import Sub
from lissom.ir.tensors import to_tensor
from lissom.ir.types import Array, DType
from lissom.ir.values import Const, Value, producer
from lissom.passes.fold.duplicates import share_constants
from lissom.passes.graph_pass import Kind, State, graph_pass
from lissom.passes.quantize.compare import steps
from lissom.passes.quantize.grids import argument, channel_axis_of, is_pointwise, joined, moved, no_integer_form
from lissom.passes.quantize.pairs import to_pairs
from lissom.passes.quantize.signs import layer_before_sign
from lissom.passes.rule import Refused, rewrite, rule


@graph_pass(Kind.realize, comparison=steps(), ends=[State.floats])
def integerize(graph: Graph) -> None:
    """Turn FakeQuant into integers: int8 weights, integer ops, and QuantizeLinear / DequantizeLinear at the edges."""
    realize(graph)


def realize(graph: Graph) -> None:
    """As :func:`integerize`, for a graph that no pipeline runs on."""
    to_pairs(graph)
    rewrite(graph, [layer_before_sign])
    rewrite(graph, RULES)
    share_constants(graph, ())  # what the steps of a recurrent network have alike: biases, tables


@rule
def sink_dequantize(op: Op) -> Value | tuple[Value, ...] | None:
    """move(dequantize(q))  =>  dequantize(move(q)): elements are moved as integers."""
    if moved(op) is None or (source := _per_tensor(op.operands[0])) is None:
        return None
    operands: dict[str, Value] = {type(op).fields[0].name: source.x}
    if isinstance(op, Pad) and op.mode == "constant":
        operands["constant_value"] = Const(_zero_point(source).data.reshape(()))
    integer = op.replace(**operands)
    return tuple(
        DequantizeLinear(r, source.x_scale, source.x_zero_point) if t.type.dtype is DType.float32 else r
        for r, t in zip(integer.results, op.results, strict=True)
    )


@rule
def sink_dequantize_of_join(op: Op) -> Value | None:
    """concat(dequantize(p), dequantize(q))  =>  dequantize(concat(p, q)), on one grid; max, min and where alike."""
    parts = joined(op)
    if parts is None:
        return None
    sources = {v: _per_tensor(v) for v in parts}
    first = sources[parts[0]]
    if first is None or any(s is None for s in sources.values()):
        return None
    if not all(s is not None and _same_grid(s, first) for s in sources.values()):
        raise Refused("its operands lie on different grids")
    integers = {**{v: v for v in op.operands}, **{v: s.x for v, s in sources.items() if s is not None}}
    return DequantizeLinear(op._on(integers), first.x_scale, first.x_zero_point)


@rule
def saturated_activation(q: QuantizeLinear) -> Value | None:
    """quantize(relu(x))  =>  quantize(x) where the range ends where relu or clip cut anyway, else clip(quantize(x))."""
    match q:
        case QuantizeLinear(Relu(x), Const(), Const(zero_point)):
            low: Array | None = zero_point
            high: Array | None = None
        case QuantizeLinear(Clip(x, Const() | None as least, Const() | None as most), Const(scale), Const(zero_point)):
            low, high = (None if end is None else _quantized(end.data, scale, zero_point) for end in (least, most))
        case _:
            return None
    first, last = RANGES[q.dtype]
    integer = q.replace(x=x)
    if (low is None or np.all(low <= first)) and (high is None or np.all(high >= last)):
        return integer
    return Clip(integer, None if low is None else Const(low), None if high is None else Const(high))


def _quantized(x: Array, scale: Array, zero_point: Array) -> Array:
    ends = np.iinfo(zero_point.dtype)
    return np.clip(np.round(x / scale) + zero_point, ends.min, ends.max).astype(zero_point.dtype)


@rule
def integer_conv(q: QuantizeLinear) -> Value | None:
    """quantize(conv(dequantize(x), dequantize(w)) + b)  =>  QLinearConv."""
    match q:
        case QuantizeLinear(Conv(DequantizeLinear() as x, DequantizeLinear(Const()) as w, Const() | None as b) as conv):
            if not _fits(x, w, 0):
                return None
            integer = QLinearConv(*_triple(x), *_triple(w), *_y(q), _bias(b, x, w), **conv.attributes)
            return integer.named(conv.name, conv.loc)
    return None


@rule
def integer_conv_transpose(q: QuantizeLinear) -> Value | None:
    """quantize(conv_transpose(dequantize(x), dequantize(w)) + b)  =>  QLinearConvTranspose."""
    match q:
        case QuantizeLinear(
            ConvTranspose(DequantizeLinear() as x, DequantizeLinear(Const()) as w, Const() | None as b) as conv
        ):
            if not _fits(x, w, 1) or (conv.group > 1 and not _one_grid(w.x_scale)):
                return None
            integer = QLinearConvTranspose(*_triple(x), *_triple(w), *_y(q), _bias(b, x, w), **conv.attributes)
            return integer.named(conv.name, conv.loc)
    return None


@rule
def integer_gemm(q: QuantizeLinear) -> Value | None:
    """quantize(gemm(dequantize(x), dequantize(w), b))  =>  QLinearGemm."""
    match q:
        case QuantizeLinear(Gemm(DequantizeLinear() as x, DequantizeLinear(Const()) as w, Const() | None as b) as gemm):
            if (
                gemm.alpha != 1
                or gemm.transA
                or (b is not None and (gemm.beta != 1 or b.data.size != gemm.type.dims[1]))
            ):
                raise Refused("alpha, beta, transA or the shape of its bias have no integer form")
            return _linear(q, gemm, x, w, b, axis=0 if gemm.transB else 1)
    return None


@rule
def integer_matmul(q: QuantizeLinear) -> Value | None:
    """quantize(matmul(dequantize(x), dequantize(w)) + b)  =>  QLinearGemm, for a constant matrix w."""
    product: Value = q.x
    b: Const | None = None
    match product:
        case Add(MatMul() as inner, Const() as bias) | Add(Const() as bias, MatMul() as inner):
            product, b = inner, bias
    match product:
        case MatMul(DequantizeLinear() as x, DequantizeLinear(Const(w)) as wq) as matmul if w.ndim == 2:
            if b is None or b.data.shape == w.shape[1:]:
                return _linear(q, matmul, x, wq, b, axis=1)
    return None


@rule
def integer_binary(q: QuantizeLinear) -> Value | None:
    """quantize(op(dequantize(a), dequantize(b)))  =>  the integer matmul, add, sub or mul of a and b."""
    match q:
        case QuantizeLinear((MatMul() | Add() | Sub() | Mul()) as op):
            a, b = _per_tensor(op.operands[0]), _per_tensor(op.operands[1])
            if a is None or b is None:
                return None
            form = {MatMul: QLinearMatMul, Add: QLinearAdd, Sub: QLinearSub, Mul: QLinearMul}[type(op)]
            return form(*_triple(a), *_triple(b), *_y(q)).named(op.name, op.loc)
    return None


@rule
def integer_pool(q: QuantizeLinear) -> Value | None:
    """quantize(average_pool(dequantize(x)))  =>  the integer average pool of x."""
    match q:
        case QuantizeLinear((GlobalAveragePool() | AveragePool()) as pool):
            if (x := _per_tensor(pool.operands[0])) is None:
                return None
            if isinstance(pool, GlobalAveragePool):
                return QLinearGlobalAveragePool(*_triple(x), *_y(q)).named(pool.name, pool.loc)
            return QLinearAveragePool(*_triple(x), *_y(q), **pool.attributes).named(pool.name, pool.loc)
    return None


@rule
def integer_mean(q: QuantizeLinear) -> Value | None:
    """quantize(reduce_mean(dequantize(x)))  =>  QLinearReduceMean."""
    match q:
        case QuantizeLinear(ReduceMean() as mean) if (x := _per_tensor(mean.data)) is not None:
            if (mean.axes is None or mean.axes.contents is not None) and (axes := mean.reduced_axes()):
                return QLinearReduceMean(*_triple(x), *_y(q), axes, mean.keepdims).named(mean.name, mean.loc)
    return None


@rule
def integer_sum(q: QuantizeLinear) -> Value | None:
    """quantize(reduce_sum(dequantize(x)))  =>  QLinearReduceMean, on the grid of y over the number of elements."""
    match q:
        case QuantizeLinear(ReduceSum() as total, Const(scale)) if (x := _per_tensor(total.data)) is not None:
            if no_integer_form(total) is None and _one_grid(q.y_scale):
                axes = total.reduced_axes()
                count = prod(d for a in axes if isinstance(d := total.data.type.dims[a], int))
                step = Const(np.asarray(scale / np.float32(count), np.float32), f"{total.name}.scale")
                form = QLinearReduceMean(*_triple(x), step, _zero_point(q), axes, total.keepdims)
                return form.named(total.name, total.loc)
    return None


@rule
def integer_resize(q: QuantizeLinear) -> Value | None:
    """quantize(resize(dequantize(x)))  =>  QLinearResize, for linear and cubic interpolation."""
    match q:
        case QuantizeLinear(Resize() as op) if op.mode != "nearest" and (x := _per_tensor(op.x)) is not None:
            if no_integer_form(op) is not None or not _one_grid(q.y_scale):
                return None
            names = {f.name for f in QLinearResize.fields}
            fields = {k: v for k, v in op.attributes.items() if k in names}
            scales, sizes = (None if v is None or v.type.shape == (0,) else v for v in (op.scales, op.sizes))
            return QLinearResize(*_triple(x), *_y(q), scales, sizes, **fields).named(op.name, op.loc)
    return None


@rule
def integer_softmax(q: QuantizeLinear) -> Value | None:
    """quantize(softmax(dequantize(x)))  =>  QLinearSoftmax, with its table of exponentials."""
    match q:
        case QuantizeLinear(Softmax() as op) if _one_grid(q.y_scale) and (x := _per_tensor(op.x)) is not None:
            count = op.type.dims[op.axis]
            if not isinstance(count, int):
                raise Refused("the size of its axis is not known")
            assert isinstance(x.x_scale, Const)
            exponents = Const(exponentials(x.x_scale.data, count), f"{op.name}.table")
            return QLinearSoftmax(*_triple(x), *_y(q), exponents, op.axis).named(op.name, op.loc)
    return None


@rule
def integer_layer_norm(q: QuantizeLinear) -> Value | None:
    """quantize(layer_norm(dequantize(x)))  =>  QLinearLayerNormalization."""
    match q:
        case QuantizeLinear(LayerNormalization(_, Const(), Const() | None) as op):
            if not _one_grid(q.y_scale) or (x := _per_tensor(op.x)) is None or no_integer_form(op) is not None:
                return None
            size = op.type.dims[-1:]
            if op.scale.type.shape != size or (op.b is not None and op.b.type.shape != size):
                raise Refused("its scale or bias does not have one number for each element of the last axis")
            form = QLinearLayerNormalization(*_triple(x), *_y(q), op.scale, op.b, op.epsilon)
            return form.named(op.name, op.loc)
    return None


@rule
def table(q: QuantizeLinear) -> Value | None:
    """quantize(f(dequantize(x)))  =>  Lookup(x), for any f of one element, the identity included (a change of grid)."""
    if not _one_grid(q.y_scale):
        return None
    chain: list[Op] = []
    value = q.x
    while (op := producer(value)) is not None and is_pointwise(op):
        chain.append(op)
        read = argument(op)
        assert read is not None
        value = read
    source = _per_tensor(value)
    if source is None:
        return None
    if not chain and _same_grid(source, q):
        return source.x
    bits = np.arange(256, dtype=np.uint8).view(source.x.type.dtype.numpy)
    found = _through((source, *reversed(chain), q), source.x, to_tensor(bits, source.x.type.dtype))
    return Lookup(source.x, Const(found, f"{q.name}.table")).named(chain[0].name if chain else q.name, q.loc)


@rule
def table_by_channel(q: QuantizeLinear) -> Value | None:
    """quantize(f(dequantize(x)))  =>  LookupChannels(x), for an f of one element that differs along one axis."""
    op = producer(q.x)
    if op is None or (axis := channel_axis_of(op)) is None or not _one_grid(q.y_scale):
        return None
    read = argument(op)
    source = None if read is None else _per_tensor(read)
    channels = op.type.dims[axis]
    if source is None or not isinstance(channels, int):
        return None
    # All 256 values of every channel, as a value of the shape of x: 256 samples, or along the batch.
    shape = [1] * op.type.rank
    shape[axis] = channels
    if axis == 0:
        raise Refused("its parameters lie along the batch")
    bits = np.arange(256, dtype=np.uint8).view(source.x.type.dtype.numpy).reshape(256, *[1] * (op.type.rank - 1))
    every = np.ascontiguousarray(np.broadcast_to(bits, (256, *shape[1:])))
    found = _through((source, op, q), source.x, to_tensor(every, source.x.type.dtype))
    rows = np.ascontiguousarray(found.reshape(256, channels).T)
    return LookupChannels(source.x, Const(rows, f"{q.name}.table"), axis).named(op.name, q.loc)


def _through(ops: Iterable[Op], first: Value, x: torch.Tensor) -> Array:
    """What a chain of ops, whose other operands are constants, makes of ``x``."""
    env: dict[Value, torch.Tensor] = {first: x}
    result = x
    for op in ops:
        env |= {v: to_tensor(v.data, v.type.dtype) for v in op.operands if isinstance(v, Const)}
        result = env[op] = run_op(op, env)[0]
    return result.numpy()


RULES = (
    sink_dequantize,
    sink_dequantize_of_join,
    integer_conv,
    integer_conv_transpose,
    integer_gemm,
    integer_matmul,
    integer_binary,
    integer_pool,
    integer_mean,
    integer_sum,
    integer_resize,
    integer_softmax,
    integer_layer_norm,
    table,
    table_by_channel,
    saturated_activation,
)


def _linear(
    q: QuantizeLinear, op: Op, x: DequantizeLinear, w: DequantizeLinear, b: Const | None, axis: int
) -> Value | None:
    """QLinearGemm of ``x`` and the constant matrix ``w``, whose output channels lie along ``axis``."""
    if not _fits(x, w, axis):
        return None
    bias = _bias(b, x, w)
    weights, scale, zero_point = _triple(w)
    if axis == 1:
        assert isinstance(weights, Const)
        weights = Const(np.ascontiguousarray(weights.data.T), weights.name, loc=weights.loc)
    return QLinearGemm(*_triple(x), weights, scale, zero_point, *_y(q), bias).named(op.name, op.loc)


def _per_tensor(v: Value) -> DequantizeLinear | None:
    """``v`` as the dequantization of an 8-bit tensor with one scale, if it is that."""
    match v:
        case DequantizeLinear(x, Const(scale)) if scale.size == 1 and x.type.dtype in (DType.int8, DType.uint8):
            return v
    return None


def _one_grid(scale: Value) -> bool:
    return isinstance(scale, Const) and scale.data.size == 1


def _zero_point(dq: DequantizeLinear | QuantizeLinear) -> Const:
    """The zero point as a scalar or vector constant; zeros where there is none."""
    match dq:
        case DequantizeLinear(x, _, zero_point):
            dtype = x.type.dtype
        case QuantizeLinear(_, _, zero_point):
            dtype = dq.dtype
    if zero_point is None:
        scale = dq.x_scale if isinstance(dq, DequantizeLinear) else dq.y_scale
        return Const(np.zeros(scale.type.static or (), dtype.numpy))
    if not isinstance(zero_point, Const):
        raise Unsupported(f"{dq.describe()}: its zero point is computed, not constant")
    return zero_point


def _grid(op: DequantizeLinear | QuantizeLinear) -> tuple[Array, Array, DType]:
    scale = op.x_scale if isinstance(op, DequantizeLinear) else op.y_scale
    assert isinstance(scale, Const)
    zero_point = _zero_point(op)
    return scale.data.reshape(-1), zero_point.data.reshape(-1), zero_point.type.dtype


def _same_grid(a: DequantizeLinear | QuantizeLinear, b: DequantizeLinear | QuantizeLinear) -> bool:
    (s, z, t), (s2, z2, t2) = _grid(a), _grid(b)
    return t is t2 and np.array_equal(s, s2) and np.array_equal(z, z2)


def _triple(dq: DequantizeLinear) -> tuple[Value, Value, Value]:
    return dq.x, dq.x_scale, _zero_point(dq)


def _y(q: QuantizeLinear) -> tuple[Value, Value]:
    return q.y_scale, _zero_point(q)


def _fits(x: DequantizeLinear, w: DequantizeLinear, axis: int) -> bool:
    """Whether x has one grid and w one for each output channel along ``axis``, or one; both of 8 bits or less."""
    narrow = w.x.type.dtype in RANGES and w.x.type.dtype.bits <= 8
    if _per_tensor(x) is None or not narrow or not isinstance(w.x_scale, Const):
        return False
    return w.x_scale.data.size == 1 or (w.axis % w.type.rank == axis and w.block_size == 0)


def _bias(b: Const | None, x: DequantizeLinear, w: DequantizeLinear) -> Const | None:
    """The bias as int32 of scale ``x_scale * w_scale``; raises Refused where it does not fit."""
    if b is None:
        return None
    assert isinstance(x.x_scale, Const)
    assert isinstance(w.x_scale, Const)
    scale = x.x_scale.data.astype(np.float32).reshape(()) * w.x_scale.data.astype(np.float32).reshape(-1)
    integers = np.round(b.data.reshape(-1).astype(np.float64) / scale)
    low, high = RANGES[DType.int32]
    if np.any(integers < low) or np.any(integers > high):
        raise Refused("its bias, in steps of inputs times weights, does not fit in int32")
    return Const(integers.astype(np.int32), b.name, loc=b.loc)
