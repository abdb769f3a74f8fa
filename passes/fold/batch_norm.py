"""BatchNormalization and other constant scales and shifts go into the weights before them, or where legal behind them.

In inference a batch norm is ``x * k + c`` per channel, and so is any product or sum with a constant per channel.
"""

from __future__ import annotations

import numpy as np

from lissom.ir.constant import is_constant
from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.div import Div
from lissom.ir.ops.fold_batch_normalization import FoldBatchNormalization
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.mul import Mul
from lissom.ir.types import Array
from lissom.ir.values import Const, Value
from lissom.passes.fold.absorb import Affine, absorbed, affine_of, channel_axis
from lissom.passes.rule import Refused, Rule, read_once, rule


@rule
def fold_batchnorm(bn: BatchNormalization) -> Value | None:
    """Conv, ConvTranspose, Gemm or BatchNormalization, then BatchNormalization  =>  the first with other weights."""
    if bn.training_mode:
        raise Refused("it normalizes with the statistics of the batch")
    affine = affine_of(bn, 1)
    if affine is None:
        raise Refused("its parameters are not constants")
    return absorbed(affine)


@rule
def fold_batchnorm_for_training(bn: BatchNormalization) -> Value | None:
    """Conv or Gemm, then BatchNormalization  =>  the first, its weights computed from all parameters of both."""
    x = bn.x
    parameters = (bn.scale, bn.b, bn.input_mean, bn.input_var)
    if bn.training_mode or not isinstance(x, Conv | Gemm) or not all(isinstance(v, Const) for v in parameters):
        return None
    if not read_once(x):
        raise Refused(f"the result of {x.describe()} is needed as it is")
    w, b, axis = (x.w, x.b, 0) if isinstance(x, Conv) else (x.b, x.c, 0 if x.transB else 1)
    plain = isinstance(x, Conv) or (x.alpha == 1 and x.beta == 1 and not x.transA)
    if not plain or not is_constant(w) or not (b is None or (isinstance(b, Const) and b.type.dims == bn.b.type.dims)):
        raise Refused(f"the weights of {x.describe()} are not constants with one bias an output channel")
    folded = FoldBatchNormalization(w, *parameters, b, axis, bn.epsilon, bn.momentum).named(f"{w.name}.folded", bn.loc)
    weights, shift = folded.results
    return x.replace(**({"w": weights, "b": shift} if isinstance(x, Conv) else {"b": weights, "c": shift}))


@rule
def fold_scale_shift(op: Mul | Div | Add) -> Value | None:
    """Conv, Gemm, MatMul, ..., then a product or sum with a constant per output channel  =>  other weights."""
    axis = channel_axis(op.a)
    affine = None if axis is None else affine_of(op, axis)
    if affine is None or (isinstance(op, Add) and isinstance(op.a, MatMul)):
        return None  # MatMul has no bias to take a sum in
    return absorbed(affine)


@rule
def fold_into_next(op: Conv | Gemm | MatMul) -> Value | None:
    """A constant scale and shift per input channel, then Conv, Gemm or MatMul  =>  other weights.

    Not where a Conv pads and the shift is not zero: the padding is zero behind the shift, not before it.
    """
    x = op.operands[0]
    if not isinstance(x, BatchNormalization | Mul | Div | Add) or x.type.shape is None:
        return None
    affine = affine_of(x, 1 if isinstance(op, Conv) else x.type.rank - 1)
    if affine is None:
        return None
    match op:
        case Conv(_, Const(w), None | Const()):
            if affine.shift.any() and (op.auto_pad != "NOTSET" or any(op.pads)):
                raise Refused(f"{x.describe()} shifts what it reads, and it pads that with zeros")
            per_group = affine.scale.reshape(op.group, 1, -1), affine.shift.reshape(op.group, 1, -1)
            scale, shift = (np.repeat(v, w.shape[0] // op.group, 1).reshape(w.shape[:2]) for v in per_group)
            spatial = (...,) + (None,) * (w.ndim - 2)
            moved = (w.sum(tuple(range(2, w.ndim)), dtype=np.float64) * shift).sum(1)
            return _shifted(op.replace(x=affine.x, w=(w * scale[spatial]).astype(w.dtype)), moved, affine, 1)
        case Gemm(_, Const(w), None | Const()) if not op.transA and op.transB and op.alpha == 1 and op.beta == 1:
            scaled = (w * affine.scale).astype(w.dtype)
            return _shifted(op.replace(a=affine.x, b=scaled), w @ affine.shift, affine, 1)
        case MatMul(_, Const(w)) if w.ndim == 2:
            scaled = (w * affine.scale[:, None]).astype(w.dtype)
            return _shifted(op.replace(a=affine.x, b=scaled), affine.shift @ w, affine, op.type.rank - 1)
    return None


def _shifted(op: Op, shift: Array, by: Affine, axis: int) -> Op:
    """``op`` plus ``shift`` per output channel, in its bias where it has one."""
    if not shift.any():
        return op
    return absorbed(Affine(op, axis, np.ones(len(shift)), shift, by.trainable))


RULES: tuple[Rule, ...] = (fold_batchnorm, fold_scale_shift, fold_into_next)
