"""The first half of realization: every FakeQuant becomes a pair of QuantizeLinear and DequantizeLinear."""

from __future__ import annotations

import numpy as np

from lissom.ir.constant import constant_data, is_constant
from lissom.ir.errors import Error, Unsupported
from lissom.ir.families.quantization import RANGES
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.dequantize_linear import DequantizeLinear
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.ops.fold_batch_normalization import FoldBatchNormalization
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.quantize_linear import QuantizeLinear
from lissom.ir.types import Array, DType
from lissom.ir.values import Const, Value
from lissom.passes.rule import rewrite, rule


def to_pairs(graph: Graph) -> None:
    """Store weights as integers, and put the pairs where activations are quantized.

    Raises Error, naming the op, for a scale that is not a positive finite number.
    """
    require_usable_scales(graph)
    settle_grids(graph)
    rewrite(graph, [computed_weights, stored_biases])
    rewrite(graph, [split_fake_quant])


def require_usable_scales(graph: Graph) -> None:
    """Raise Error, naming the op, for a constant scale that is not a positive finite number."""
    for op in graph.ops:
        match op:
            case FakeQuant(_, Const(scale)) | QuantizeLinear(_, Const(scale)) | DequantizeLinear(_, Const(scale)):
                wide = scale.astype(np.float64)
                if not (np.isfinite(wide) & (wide > 0)).all():
                    bad = wide.reshape(-1)[~(np.isfinite(wide) & (wide > 0)).reshape(-1)][0]
                    raise Error(f"{op.describe()}: its scale is {bad}; a scale is a positive finite number")


def settle_grids(graph: Graph) -> None:
    """Scales and zero points that were learned are parameters no more."""
    learned = [v for op in graph.ops if isinstance(op, FakeQuant) for v in (op.scale, op.zero_point)]
    for v in dict.fromkeys(learned):
        if isinstance(v, Const) and v.trainable:
            graph.replace(v, Const(v.data, v.name, loc=v.loc))


@rule
def computed_weights(op: Op) -> tuple[Value, ...] | None:
    """Mask or FoldBatchNormalization of constants  =>  constants: the weights are what they have become."""
    if not isinstance(op, Mask | FoldBatchNormalization) or not is_constant(op):
        return None
    return tuple(Const(constant_data(r), r.name, loc=r.loc) for r in op.results)


@rule
def stored_biases(op: Op) -> Value | None:
    """DequantizeLinear of an int32 constant  =>  the constant in float: QDQ models store biases so.

    Rounded to steps of inputs times weights, it is these integers again (up to 2^22).
    """
    match op:
        case DequantizeLinear(Const() as q) if q.type.dtype is DType.int32 and is_constant(op):
            return Const(constant_data(op), q.name, loc=q.loc)
    return None


@rule
def split_fake_quant(fake: FakeQuant) -> Value | None:
    """FakeQuant(x)  =>  DequantizeLinear(QuantizeLinear(x)), with the integers of a constant computed now."""
    match fake:
        case FakeQuant(w, Const(), Const()) if is_constant(w):
            integers = integers_of(fake)
            weights = Const(integers, w.name, loc=w.loc)
            return DequantizeLinear(weights, fake.scale, fake.zero_point, axis=fake.axis)
        case FakeQuant(x, Const(), Const()):
            dtype = fake.zero_point.type.dtype
            quantized: Op = QuantizeLinear(x, fake.scale, fake.zero_point, axis=fake.axis).named(f"{x.name}.int")
            ends = [
                None if mine == last else Const(np.asarray(mine, dtype.numpy))
                for mine, last in zip((fake.low, fake.high), RANGES[dtype], strict=True)
            ]
            if any(ends):  # fewer bits are part of the range of a byte
                quantized = Clip(quantized, *ends).named(f"{x.name}.cut")
            return DequantizeLinear(quantized, fake.scale, fake.zero_point, axis=fake.axis)
    return None


def integers_of(fake: FakeQuant) -> Array:
    """The integers of a constant on a grid, as FakeQuant computes them."""
    match fake:
        case FakeQuant(_, _, _, chosen=Const(integers)):
            return integers
        case FakeQuant(w, Const(scale), Const(zero_point)) if is_constant(w):
            data = constant_data(w)
            shape = [1] * data.ndim
            if scale.size > 1:
                shape[fake.axis] = -1
            q = np.round(data / scale.reshape(shape)) + zero_point.reshape(shape).astype(np.float32)
            return np.clip(q, fake.low, fake.high).astype(np.int32).astype(zero_point.dtype)
    raise Unsupported(f"{fake.describe()}: its grid is computed, not constant")
