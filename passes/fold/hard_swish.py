"""HardSigmoid, HardSwish and Swish, as exporters spell them out, become one op; results move by rounding."""

from __future__ import annotations

from lissom.ir.ops.add import Add
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.div import Div
from lissom.ir.ops.hard_sigmoid import HardSigmoid
from lissom.ir.ops.hard_swish import HardSwish
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.sigmoid import Sigmoid
from lissom.ir.ops.swish import Swish
from lissom.ir.values import Value
from lissom.passes.fold.canonical import bounds_of
from lissom.passes.fold.scalars import is_scalar
from lissom.passes.rule import Rule, rule


@rule
def hard_sigmoid(op: Div | Mul) -> Value | None:
    """Clip(x + 3, 0, 6) / 6  =>  HardSigmoid(alpha=1/6, beta=1/2)."""
    match op:
        case Div(Clip() as shifted, six) if is_scalar(six, 6.0) and (x := _plus_three(shifted)) is not None:
            return HardSigmoid(x, alpha=1 / 6, beta=0.5)
        case Mul(Clip() as shifted, sixth) if is_scalar(sixth, 1 / 6) and (x := _plus_three(shifted)) is not None:
            return HardSigmoid(x, alpha=1 / 6, beta=0.5)
    return None


@rule
def hard_swish(op: Mul | Div) -> Value | None:
    """x * HardSigmoid(x, 1/6, 1/2), x * Clip(x + 3, 0, 6) / 6  =>  HardSwish(x)."""
    match op:
        case Mul(x, HardSigmoid(y, alpha, beta)) | Mul(HardSigmoid(y, alpha, beta), x) if x is y:
            return HardSwish(x) if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5 else None
        case Div(Mul(a, b), six) if is_scalar(six, 6.0):
            pass
        case Mul(Mul(a, b), sixth) if is_scalar(sixth, 1 / 6):
            pass
        case _:
            return None
    for x, gate in ((a, b), (b, a)):
        if isinstance(gate, Clip) and _plus_three(gate) is x:
            return HardSwish(x)
    return None


@rule
def swish(op: Mul) -> Value | None:
    """x * Sigmoid(x)  =>  Swish(x)."""
    match op:
        case Mul(x, Sigmoid(y)) | Mul(Sigmoid(y), x) if x is y:
            return Swish(x)
    return None


def _plus_three(gate: Clip) -> Value | None:
    """x for ``Clip(x + 3, 0, 6)``."""
    match gate.x:
        case Add(x, three) if is_scalar(three, 3.0) and bounds_of(gate) == (0.0, 6.0):
            return x
    return None


RULES: tuple[Rule, ...] = (hard_sigmoid, hard_swish, swish)
