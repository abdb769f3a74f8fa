"""Arithmetic, element by element, with PyTorch's promotion of types."""

from __future__ import annotations

import math
from collections.abc import Callable

from lissom.ir.importers.torch.operands import Number, Scalar, cast, floating, like, promote, result_type
from lissom.ir.importers.torch.registry import translates
from lissom.ir.op import Op, op_class
from lissom.ir.ops.add import Add
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.div import Div
from lissom.ir.ops.exp import Exp
from lissom.ir.ops.floor import Floor
from lissom.ir.ops.log import Log
from lissom.ir.ops.max import Max
from lissom.ir.ops.min import Min
from lissom.ir.ops.mod import Mod
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.neg import Neg
from lissom.ir.ops.pow import Pow
from lissom.ir.ops.reciprocal import Reciprocal
from lissom.ir.ops.sqrt import Sqrt
from lissom.ir.ops.sub import Sub
from lissom.ir.ops.where import Where
from lissom.ir.types import DType
from lissom.ir.values import Value

# In float, on integers too: aten name -> op.
_FLOAT_UNARY = {
    "sqrt": "Sqrt",
    "exp": "Exp",
    "log": "Log",
    "sin": "Sin",
    "cos": "Cos",
    "tan": "Tan",
    "asin": "Asin",
    "acos": "Acos",
    "atan": "Atan",
    "sinh": "Sinh",
    "cosh": "Cosh",
    "asinh": "Asinh",
    "acosh": "Acosh",
    "atanh": "Atanh",
    "erf": "Erf",
    "reciprocal": "Reciprocal",
}
_SAME_UNARY = {"neg": "Neg", "abs": "Abs", "sign": "Sign", "floor": "Floor", "ceil": "Ceil", "operator.neg": "Neg"}


def _register_unary(target: str, kind: str, to_float: bool) -> None:
    op: Callable[[Value], Op] = op_class(kind)

    @translates(target)
    def unary(x: Value) -> Value:
        return op(floating(x) if to_float else x)


for _target, _kind in _FLOAT_UNARY.items():
    _register_unary(_target, _kind, True)
for _target, _kind in _SAME_UNARY.items():
    _register_unary(_target, _kind, False)


@translates("add", "operator.add")
def add(a: Scalar, b: Scalar, *, alpha: Number = 1) -> Value:
    x, y = promote(a, b)
    return Add(x, y if alpha == 1 else Mul(y, like(y, alpha)))


@translates("sub", "operator.sub")
def sub(a: Scalar, b: Scalar, *, alpha: Number = 1) -> Value:
    x, y = promote(a, b)
    return Sub(x, y if alpha == 1 else Mul(y, like(y, alpha)))


@translates("rsub")
def rsub(a: Scalar, b: Scalar, alpha: Number = 1) -> Value:
    return sub(b, a, alpha=alpha)


@translates("mul", "operator.mul")
def mul(a: Scalar, b: Scalar) -> Value:
    if result_type(a, b) is DType.bool:
        both: Op = op_class("And")(*promote(a, b))
        return both
    return Mul(*promote(a, b))


@translates("div", "true_divide", "operator.truediv")
def div(a: Scalar, b: Scalar, *, rounding_mode: str | None = None) -> Value:
    if rounding_mode == "floor":
        return floor_divide(a, b)
    if rounding_mode is None:
        return Div(*promote(a, b, to_float=True))
    x, y = promote(a, b)
    return trunc(Div(x, y))


@translates("floor_divide", "operator.floordiv")
def floor_divide(a: Scalar, b: Scalar) -> Value:
    """ONNX divides integers towards zero, so what may be negative takes its remainder off first."""
    x, y = promote(a, b)
    if x.type.dtype.is_float:
        return Floor(Div(x, y))
    if x.contents is not None and not isinstance(x, Neg):  # a size
        return Div(x, y)
    return Div(Sub(x, Mod(x, y)), y)


@translates("remainder", "operator.mod")
def remainder(a: Scalar, b: Scalar) -> Value:
    """With the sign of the divisor."""
    x, y = promote(a, b)
    if x.type.dtype.is_float:
        return Sub(x, Mul(Floor(Div(x, y)), y))
    return Mod(x, y)


@translates("fmod")
def fmod(a: Scalar, b: Scalar) -> Value:
    x, y = promote(a, b)
    return Mod(x, y, fmod=True)


@translates("pow", "operator.pow")
def power(a: Scalar, b: Scalar) -> Value:
    if isinstance(b, int | float) and isinstance(a, Value):
        if b == 2:
            return Mul(a, a)
        if b == 0.5:
            return Sqrt(floating(a))
    return Pow(*promote(a, b))


@translates("square")
def square(x: Value) -> Value:
    return Mul(x, x)


@translates("rsqrt")
def rsqrt(x: Value) -> Value:
    return Reciprocal(Sqrt(floating(x)))


@translates("exp2")
def exp2(x: Value) -> Value:
    return Pow(like(floating(x), 2), floating(x))


@translates("expm1")
def expm1(x: Value) -> Value:
    return Sub(Exp(floating(x)), like(floating(x), 1))


@translates("log1p")
def log1p(x: Value) -> Value:
    return Log(Add(floating(x), like(floating(x), 1)))


@translates("log2")
def log2(x: Value) -> Value:
    return Div(Log(floating(x)), like(floating(x), math.log(2)))


@translates("log10")
def log10(x: Value) -> Value:
    return Div(Log(floating(x)), like(floating(x), math.log(10)))


@translates("erfc")
def erfc(x: Value) -> Value:
    return Sub(like(floating(x), 1), op_class("Erf")(floating(x)))


@translates("round")
def round_half_even(x: Value, *, decimals: int = 0) -> Value:
    nearest = op_class("Round")
    if not x.type.dtype.is_float:
        return x
    if decimals == 0:
        return nearest(x)
    factor = like(x, 10.0**decimals)
    return Div(nearest(Mul(x, factor)), factor)


@translates("trunc", "fix")
def trunc(x: Value) -> Value:
    if not x.type.dtype.is_float:
        return x
    return Mul(op_class("Sign")(x), Floor(op_class("Abs")(x)))


@translates("frac")
def frac(x: Value) -> Value:
    return Sub(x, trunc(x))


@translates("clamp", "clip")
def clamp(x: Value, min: Scalar | None = None, max: Scalar | None = None) -> Value:
    bounds = [b for b in (min, max) if b is not None]
    for bound in bounds:
        x = cast(x, result_type(x, bound))
    if any(isinstance(b, Value) and b.type.rank > 0 for b in bounds):
        if min is not None:
            x = Max((x, like(x, min)))
        return x if max is None else Min((x, like(x, max)))
    return Clip(x, None if min is None else like(x, min), None if max is None else like(x, max))


@translates("clamp_min")
def clamp_min(x: Value, min: Scalar) -> Value:
    return clamp(x, min, None)


@translates("clamp_max")
def clamp_max(x: Value, max: Scalar) -> Value:
    return clamp(x, None, max)


@translates("maximum", "max.other", "fmax", "torch.sym_max", "torch.fx.experimental.symbolic_shapes.sym_max")
def maximum(a: Scalar, b: Scalar) -> Value:
    return Max(promote(a, b))


@translates("minimum", "min.other", "fmin", "torch.sym_min", "torch.fx.experimental.symbolic_shapes.sym_min")
def minimum(a: Scalar, b: Scalar) -> Value:
    return Min(promote(a, b))


@translates("addcmul")
def addcmul(x: Value, a: Value, b: Value, *, value: Number = 1) -> Value:
    return add(x, Mul(*promote(a, b)), alpha=value)


@translates("addcdiv")
def addcdiv(x: Value, a: Value, b: Value, *, value: Number = 1) -> Value:
    return add(x, Div(*promote(a, b)), alpha=value)


@translates("lerp")
def lerp(start: Value, end: Value, weight: Scalar) -> Value:
    return Add(start, Mul(like(start, weight), Sub(end, start)))


@translates("hypot")
def hypot(a: Value, b: Value) -> Value:
    return Sqrt(Add(Mul(a, a), Mul(b, b)))


@translates("nan_to_num")
def nan_to_num(x: Value, nan: float | None = None, posinf: float | None = None, neginf: float | None = None) -> Value:
    import torch

    limits = torch.finfo(x.type.dtype.torch)
    known = Where(op_class("IsNaN")(x), like(x, nan or 0.0), x)
    high = like(x, limits.max if posinf is None else posinf)
    low = like(x, limits.min if neginf is None else neginf)
    is_inf = op_class("IsInf")
    known = Where(is_inf(known, detect_negative=False), high, known)
    return Where(is_inf(known, detect_positive=False), low, known)
