"""Signs as integers: binary and ternary weights under their own scales, and activations of which only the sign counts.

A layer before a sign needs no calibration. With the smallest product of scales as the scale of its result, sums that
differ from zero stay so, and with its bias rounded down the sum of an integer and the bias has the sign it had.
"""

from __future__ import annotations

import numpy as np
import torch

from lissom.ir.op import Op
from lissom.ir.ops.binarize import Binarize
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.dequantize_linear import DequantizeLinear
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.quantize_linear import QuantizeLinear
from lissom.ir.ops.ternarize import Ternarize
from lissom.ir.tensors import to_tensor
from lissom.ir.types import Array
from lissom.ir.values import Const, Value, producer
from lissom.passes.quantize.grids import moved
from lissom.passes.rule import rule


def scale_of_signs(w: Value | None) -> Array | None:
    """Float32 scales, one or one for each channel, under which binary or ternary weights are exactly -1, 0 and 1.

    None for other weights, and where a scale makes no signs: a negative one, or zero for binary weights. That of
    ternary weights that are all zero becomes 1.
    """
    inner = w.x if isinstance(w, Mask) else w
    match inner:
        case Binarize(Const(), Const() | None as factor):
            scale = torch.ones(()) if factor is None else to_tensor(factor.data, factor.type.dtype)
        case Ternarize(Const(data)):
            _, scale = inner.parts(to_tensor(data, inner.type.dtype))
        case _:
            return None
    found = scale.numpy().astype(np.float32)
    found = found.reshape(()) if found.size == 1 else found.reshape(-1)
    zeros = found == 0
    if (found < 0).any() or (zeros.any() and isinstance(inner, Binarize)):
        return None
    return np.where(zeros, np.float32(1), found)


@rule
def layer_before_sign(sign: Binarize) -> Value | None:
    """sign(move(layer(dequantize(x), dequantize(w)) + b))  =>  the same behind a grid that keeps the sign exactly."""
    moves: list[Op] = []
    value = sign.x
    while (op := producer(value)) is not None and moved(op) is not None and len(op.results) == 1:
        moves.append(op)
        value = op.operands[0]
    match value:
        case (
            Conv(DequantizeLinear(_, Const(x_scale)), DequantizeLinear(Const(), Const(w_scale)), Const() | None as b)
            | Gemm(DequantizeLinear(_, Const(x_scale)), DequantizeLinear(Const(), Const(w_scale)), Const() | None as b)
        ) as layer if x_scale.size == 1:
            scale = (x_scale.astype(np.float32).reshape(()) * w_scale.astype(np.float32)).reshape(-1)
            if b is not None:
                down = np.floor(b.data.reshape(-1).astype(np.float64) / scale) * scale
                field = "b" if isinstance(layer, Conv) else "c"
                layer = layer.replace(**{field: down.reshape(b.data.shape).astype(np.float32)})
            grid = Const(scale.min(), f"{layer.name}.scale"), Const(np.int8(0), f"{layer.name}.zero_point")
            value = DequantizeLinear(QuantizeLinear(layer, *grid).named(f"{layer.name}.int"), *grid)
        case _:
            return None
    for op in reversed(moves):
        value = op.replace(**{type(op).fields[0].name: value})
    return sign.replace(x=value)
