"""Comparisons, logic and choice."""

from __future__ import annotations

from collections.abc import Callable

from lissom.ir.importers.torch.operands import Scalar, cast, like, promote
from lissom.ir.importers.torch.registry import translates
from lissom.ir.op import Op, op_class
from lissom.ir.ops.where import Where
from lissom.ir.types import DType
from lissom.ir.values import Value

_COMPARISONS = {"eq": "Equal", "lt": "Less", "le": "LessOrEqual", "gt": "Greater", "ge": "GreaterOrEqual"}
_LOGIC = {"and": ("And", "BitwiseAnd"), "or": ("Or", "BitwiseOr"), "xor": ("Xor", "BitwiseXor")}


def _not(x: Value) -> Value:
    negated: Op = op_class("Not")(cast(x, DType.bool))
    return negated


def _register_comparison(target: str, kind: str) -> None:
    op: Callable[[Value, Value], Op] = op_class(kind)

    @translates(target, f"operator.{target}")
    def comparison(a: Scalar, b: Scalar) -> Value:
        x, y = promote(a, b)
        if x.type.dtype is DType.bool and kind != "Equal":
            x, y = cast(x, DType.int32), cast(y, DType.int32)
        return op(x, y)


def _register_logic(name: str, logical: str, bitwise: str) -> None:
    on_bools: Callable[[Value, Value], Op] = op_class(logical)
    on_integers: Callable[[Value, Value], Op] = op_class(bitwise)

    @translates(f"logical_{name}")
    def logic(a: Value, b: Value) -> Value:
        return on_bools(cast(a, DType.bool), cast(b, DType.bool))

    @translates(f"bitwise_{name}", f"__{name}__", f"operator.{name}_")
    def bits(a: Scalar, b: Scalar) -> Value:
        x, y = promote(a, b)
        return (on_bools if x.type.dtype is DType.bool else on_integers)(x, y)


for _target, _kind in _COMPARISONS.items():
    _register_comparison(_target, _kind)
for _name, (_logical, _bitwise) in _LOGIC.items():
    _register_logic(_name, _logical, _bitwise)


@translates("ne", "operator.ne")
def not_equal(a: Scalar, b: Scalar) -> Value:
    return _not(op_class("Equal")(*promote(a, b)))


@translates("logical_not")
def logical_not(x: Value) -> Value:
    return _not(x)


@translates("bitwise_not")
def bitwise_not(x: Value) -> Value:
    return _not(x) if x.type.dtype is DType.bool else op_class("BitwiseNot")(x)


@translates("isnan")
def is_nan(x: Value) -> Value:
    return op_class("IsNaN")(x)


@translates("isinf")
def is_inf(x: Value) -> Value:
    return op_class("IsInf")(x)


@translates("where")
def where(condition: Value, a: Scalar, b: Scalar) -> Value:
    return Where(condition, *promote(a, b))


@translates("masked_fill")
def masked_fill(x: Value, mask: Value, value: Scalar) -> Value:
    return Where(mask, like(x, value), x)


@translates("isclose")
def is_close(a: Value, b: Value, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Value:
    from lissom.ir.ops.abs import Abs
    from lissom.ir.ops.add import Add
    from lissom.ir.ops.mul import Mul
    from lissom.ir.ops.sub import Sub

    x, y = promote(a, b)
    return op_class("LessOrEqual")(Abs(Sub(x, y)), Add(like(x, atol), Mul(like(x, rtol), Abs(y))))
