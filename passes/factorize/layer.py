"""Which ops are layers that something cheaper may take the place of."""

from __future__ import annotations

import numpy as np

from lissom.ir.op import Op
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.values import Const
from lissom.passes.least_squares.linear import Linear


def layer_of(op: Op) -> Linear | str | None:
    """The op where it is a convolution without groups or a matrix product, of constant weights; why not, where it has
    weights all the same; None for an op without."""
    match op:
        case ConvTranspose():
            return "it is a transposed convolution"
        case Conv(_, w, b):
            if op.group > 1:
                return f"it has {op.group} groups already"
        case Gemm(_, w, b):
            if not isinstance(w, Const) and isinstance(op.a, Const):
                return "its weights are on the left"
            if isinstance(b, Const) and b.data.ndim == 2 and b.data.shape[0] > 1:
                return "its bias differs from row to row"
        case MatMul(a, w):
            b = None
            if isinstance(a, Const):
                return "its weights are on the left"
            if not isinstance(w, Const):
                return None  # a product of two activations, as in attention
            if w.data.ndim != 2 or a.type.rank < 2:
                return "its operands are no matrices"
        case _:
            return None
    if not isinstance(w, Const):
        return "its weights are computed; factorize before they are quantized or masked"
    if b is not None and not isinstance(b, Const):
        return "its bias is computed"
    if not w.type.dtype.is_float:
        return f"its weights are {w.type.dtype}"
    if len(w.users) > 1:
        return f"its weights are shared by {len(w.users)} ops"
    if not np.isfinite(w.data).all():
        return "its weights are not finite"
    return Linear(op)
