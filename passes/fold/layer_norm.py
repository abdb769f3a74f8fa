"""LayerNormalization, as exporters spell it out, becomes one op; results move by rounding."""

from __future__ import annotations

import numpy as np

from lissom.ir.ops.add import Add
from lissom.ir.ops.div import Div
from lissom.ir.ops.layer_normalization import LayerNormalization
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.pow import Pow
from lissom.ir.ops.reciprocal import Reciprocal
from lissom.ir.ops.reduce_mean import ReduceMean
from lissom.ir.ops.sqrt import Sqrt
from lissom.ir.ops.sub import Sub
from lissom.ir.types import Array, DType
from lissom.ir.values import Const, Value
from lissom.passes.fold.scalars import is_scalar
from lissom.passes.rule import Rule, read_once, rule


@rule
def layer_norm(op: Div | Mul) -> Value | None:
    """(x - mean(x)) / sqrt(mean((x - mean(x))**2) + epsilon), means over the last axes  =>  LayerNormalization."""
    match op:
        case Div(Sub(x, ReduceMean(y) as mean) as centred, Sqrt(Add(ReduceMean() as var, Const(e)))):
            pass
        case Mul(Sub(x, ReduceMean(y) as mean) as centred, Reciprocal(Sqrt(Add(ReduceMean() as var, Const(e))))):
            pass
        case _:
            return None
    axis = _trailing(mean)
    if x is not y or axis is None or _trailing(var) != axis or not _is_square(var.data, centred) or e.size != 1:
        return None
    shape = x.type.dims[axis:]
    if x.type.dtype is not DType.float32 or not all(isinstance(d, int) for d in shape):
        return None
    scale = np.ones([d for d in shape if isinstance(d, int)], x.type.dtype.numpy)
    return LayerNormalization(x, Const(scale), axis=axis - x.type.rank, epsilon=e.item())


@rule
def layer_norm_affine(op: Mul | Add) -> Value | None:
    """LayerNormalization, then a product or sum with a constant of the normalized shape  =>  its scale and b."""
    match op:
        case Mul(LayerNormalization(_, Const(s), b) as norm, Const() as c):
            scale = _of_normalized_shape(norm, c)
            if scale is None or not read_once(norm):
                return None
            if isinstance(b, Const):
                return norm.replace(scale=_kept(c, s * scale), b=b.data * scale)
            return norm.replace(scale=_kept(c, s * scale)) if b is None else None
        case Add(LayerNormalization(_, _, None | Const() as b) as norm, Const() as c):
            shift = _of_normalized_shape(norm, c)
            if shift is None or not read_once(norm):
                return None
            return norm.replace(b=_kept(c, shift if b is None else b.data + shift))
    return None


def _kept(c: Const, data: Array) -> Const:
    """A constant in the place of ``c``: the parameter of the layer, with its name."""
    return Const(np.asarray(data, c.data.dtype), c.name, trainable=c.trainable, loc=c.loc)


def _of_normalized_shape(norm: LayerNormalization, c: Const) -> Array | None:
    shape = norm.scale.type.static
    fits = norm.results_used == 1 and shape is not None and c.data.ndim <= len(shape)
    return np.broadcast_to(c.data, shape) if fits and shape is not None and _broadcasts(c.data, shape) else None


def _broadcasts(data: Array, shape: tuple[int, ...]) -> bool:
    return all(a in (1, b) for a, b in zip(reversed(data.shape), reversed(shape), strict=False))


def _trailing(mean: ReduceMean) -> int | None:
    """The first of the reduced axes when they are the last ones and are kept."""
    reduced, rank = mean.reduced_axes(), mean.data.type.rank
    last = tuple(range(rank - len(reduced), rank))
    return last[0] if mean.keepdims and reduced and reduced == last else None


def _is_square(value: Value, of: Value) -> bool:
    match value:
        case Mul(a, b):
            return a is of and b is of
        case Pow(a, two):
            return a is of and is_scalar(two, 2.0)
    return False


RULES: tuple[Rule, ...] = (layer_norm, layer_norm_affine)
