"""Scale and shift per channel go into the weights of the op before or behind them.

Everything here computes in float64 and stores the weights' own type, so results move by rounding only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.binarize import Binarize
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.div import Div
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.mul import Mul
from lissom.ir.types import Array, TensorType
from lissom.ir.values import Const, Value
from lissom.passes.rule import Refused, read_once


@dataclass(frozen=True)
class Affine:
    """``x * scale + shift``, float64 arrays with one element for each index of ``axis`` of x."""

    x: Value
    axis: int
    scale: Array
    shift: Array
    trainable: bool


def affine_of(op: Value, axis: int) -> Affine | None:
    """What ``op`` does to its operand, when that is a constant scale and shift along ``axis``."""
    match op:
        case BatchNormalization(x, Const(scale) as s, Const(b), Const(mean), Const(var)):
            if axis != 1 or op.training_mode:
                return None
            k = scale.astype(np.float64) / np.sqrt(var.astype(np.float64) + op.epsilon)
            return Affine(x, axis, k, b - mean * k, s.trainable)
        case Mul(x, Const() as c) | Div(x, Const() as c):
            factor = along(c, x.type, axis)
            if factor is None or op.type != x.type or (isinstance(op, Div) and not factor.all()):
                return None
            return Affine(x, axis, 1 / factor if isinstance(op, Div) else factor, np.zeros_like(factor), c.trainable)
        case Add(x, Const() as c):
            term = along(c, x.type, axis)
            if term is None or op.type != x.type:
                return None
            return Affine(x, axis, np.ones_like(term), term, c.trainable)
    return None


def along(c: Const, type: TensorType, axis: int) -> Array | None:
    """The elements of ``c`` for each index of ``axis``; None when it varies along another axis, or is no float."""
    if type.shape is None or not type.dtype.is_float or not -len(type.shape) <= axis < len(type.shape):
        return None
    size = type.shape[axis]
    shape = (1,) * (len(type.shape) - c.data.ndim) + c.data.shape
    others = [d for i, d in enumerate(shape) if i != axis % len(type.shape)]
    if not isinstance(size, int) or len(shape) > len(type.shape) or set(others) - {1}:
        return None
    return np.broadcast_to(c.data.reshape(-1).astype(np.float64), (size,))


def channel_axis(op: Value) -> int | None:
    """The axis of an op's result along which its weights can take a scale and shift; None for other ops."""
    match op:
        case Conv() | ConvTranspose() | BatchNormalization():
            return 1
        case Gemm() | MatMul():
            return op.type.rank - 1
    return None


def absorbed(a: Affine) -> Op:
    """``a`` as one op: the one that computes ``a.x``, with other weights. Raises Refused, saying why not."""
    into = a.x
    if not isinstance(into, Op) or channel_axis(into) != a.axis:
        what = into.describe() if isinstance(into, Op) else f"{into.name!r}, which no op computes"
        raise Refused(f"it reads {what}: nothing that could take it in")
    if into.graph is not None and not read_once(into):
        readers = len(into.users)
        raise Refused(
            f"the result of {into.describe()} is needed as it is"
            + (f", by {readers - 1} more ops" if readers > 1 else ", as an output")
        )
    match into:
        case Conv(_, Binarize() | Mask(Binarize()) as w, None | Const() as b):
            return into.replace(w=_scaled_signs(w, a.scale, 0), b=_bias(into, b, a))
        case Gemm(_, Binarize() | Mask(Binarize()) as w, None | Const() as b) if b is None or b.type.rank == 1:
            return into.replace(b=_scaled_signs(w, a.scale, 0 if into.transB else 1), c=_bias(into, b, a), beta=1.0)
        case Conv(_, Const(w), None | Const() as b):
            return into.replace(w=_scaled(w, a.scale, 0), b=_bias(into, b, a))
        case ConvTranspose(_, Const(w), None | Const() as b):
            groups = w.reshape(into.group, -1, *w.shape[1:])
            scaled = _scaled(groups, a.scale.reshape(into.group, -1), 0, 2).reshape(w.shape)
            return into.replace(w=scaled, b=_bias(into, b, a))
        case Gemm(_, Const(w), None | Const() as b):
            if b is not None and (b.data.ndim > 1 and b.data.shape[0] != 1):
                raise Refused(f"the bias of {into.describe()} differs from row to row")
            return into.replace(b=_scaled(w, a.scale, 0 if into.transB else 1), c=_bias(into, b, a), beta=1.0)
        case MatMul(_, Const(w)) if w.ndim >= 2:
            scaled_op = into.replace(b=_scaled(w, a.scale, w.ndim - 1)) if (a.scale != 1).any() else into
            return Add(scaled_op, _stored(a.shift, w.dtype, "", a.trainable)) if a.shift.any() else scaled_op
        case BatchNormalization(_, Const(s), Const(b)):
            return into.replace(scale=_scaled(s, a.scale, 0), b=(b * a.scale + a.shift).astype(b.dtype))
    raise Refused(f"the weights of {into.describe()} are not constants")


def _scaled(w: Array, scale: Array, *axes: int) -> Array:
    shape = [1] * w.ndim
    for axis in axes:
        shape[axis] = w.shape[axis]
    return np.asarray(w * scale.reshape(shape)).astype(w.dtype)


def _scaled_signs(w: Value, scale: Array, axis: int) -> Value:
    """Binary weights, masked or not, times a number for each index of ``axis``: it goes into their own scale.

    What a number below zero does is done to the signs, so that scales stay above it. Raises Refused, saying why not.
    """
    if isinstance(w, Mask):
        return w.replace(x=_scaled_signs(w.x, scale, axis))
    if not isinstance(w, Binarize) or not isinstance(w.x, Const) or not isinstance(w.scale, Const | None):
        raise Refused(f"the weights {w.name!r} are not constants")
    held = np.ones(()) if w.scale is None else w.scale.data.astype(np.float64)
    if held.ndim and w.axis % w.type.rank != axis:
        raise Refused(f"the scales of {w.name!r} are those of another axis")
    turned = scale.reshape([-1 if i == axis else 1 for i in range(w.type.rank)]) < 0
    real = np.where(w.x.data == 0, np.finfo(w.x.data.dtype).tiny, w.x.data)  # a zero counts as above, and -0 would too
    name, trainable = (f"{w.x.name}.scale", w.x.trainable) if w.scale is None else (w.scale.name, w.scale.trainable)
    data = np.abs(held * scale).astype(w.x.data.dtype)
    signs = w.x.replace(np.where(turned, -real, w.x.data)) if turned.any() else w.x
    return w.replace(x=signs, scale=Const(data, name, trainable=trainable), axis=axis)


def _bias(op: Conv | ConvTranspose | Gemm, b: Const | None, a: Affine) -> Value | None:
    """The bias of ``op`` scaled and shifted; a new one is named like the weight and trained like it."""
    held = np.zeros(1) if b is None else b.data.reshape(-1).astype(np.float64)
    if isinstance(op, Gemm):
        held = held * op.beta
    data = np.broadcast_to(held * a.scale + a.shift, a.scale.shape)
    if b is not None:
        return b.replace(data.astype(b.data.dtype))
    if not data.any():
        return None
    w = op.b if isinstance(op, Gemm) else op.w
    while not isinstance(w, Const):  # a decision on it
        w = w.operands[0]  # type: ignore[attr-defined]
    stem, dot, last = w.name.rpartition(".")
    name = f"{stem}.bias" if dot and last == "weight" else f"{w.name}.bias"
    return _stored(data, w.data.dtype, name, w.trainable or a.trainable)


def _stored(data: Array, dtype: np.dtype[Any], name: str, trainable: bool) -> Const:
    return Const(np.ascontiguousarray(data, dtype), name, trainable=trainable)
