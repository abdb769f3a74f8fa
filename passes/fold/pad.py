"""Pad goes into the convolution or pool behind it."""

from __future__ import annotations

from lissom.ir.contents import integers
from lissom.ir.ops.average_pool import AveragePool
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.max_pool import MaxPool
from lissom.ir.ops.pad import Pad
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.sigmoid import Sigmoid
from lissom.ir.values import Const, Value
from lissom.passes.fold.canonical import bounds_of
from lissom.passes.rule import Refused, Rule, rule


@rule
def pad_into_conv(op: Conv) -> Value | None:
    """Conv(Pad(x, zeros))  =>  Conv with larger pads."""
    match op.x:
        case Pad() as pad:
            return op.replace(x=pad.x, pads=_joined(pad, op, 0.0))
    return None


@rule
def pad_into_average_pool(op: AveragePool) -> Value | None:
    """AveragePool(Pad(x, zeros)) that counts padding, or has none  =>  AveragePool that pads more and counts it."""
    match op.x:
        case Pad() as pad:
            if any(op.pads) and not op.count_include_pad:
                raise Refused("it does not count its own padding, but counts what the Pad puts there")
            return op.replace(x=pad.x, pads=_joined(pad, op, 0.0), count_include_pad=True)
    return None


@rule
def pad_into_max_pool(op: MaxPool) -> Value | None:
    """MaxPool(Pad(x))  =>  MaxPool with larger pads, where the padding can never win against x."""
    if not isinstance(pad := op.x, Pad) or len(op.results) > 1:
        return None
    value = _constant(pad)
    if value != float("-inf") and not (value == 0 and _never_negative(pad.x)):
        raise Refused(f"the padding, {value}, may be the largest in a window")
    pads = _joined(pad, op, value)
    rank = len(op.kernel_shape)
    if any(p >= op.kernel_shape[i % rank] for i, p in enumerate(pads)):
        raise Refused("a window would lie in the padding only")
    return op.replace(x=pad.x, pads=pads)


def _joined(pad: Pad, op: Conv | AveragePool | MaxPool, value: float | None) -> tuple[int, ...]:
    """The pads of ``op`` and those of ``pad`` together; raises Refused where they cannot be."""
    amounts = integers(pad.pads)
    if amounts is None:
        raise Refused("how much is padded is not constant")
    if pad.mode != "constant" or _constant(pad) != value:
        raise Refused(f"the padding in front is not zero: mode {pad.mode}, value {_constant(pad)}")
    if op.auto_pad != "NOTSET":
        raise Refused(f"its own padding, {op.auto_pad}, depends on the size of what is padded")
    rank = pad.type.rank
    axes = range(rank) if pad.axes is None else [a % rank for a in integers(pad.axes) or ()]
    begins, ends = [0] * rank, [0] * rank
    for i, axis in enumerate(axes):
        begins[axis], ends[axis] = amounts[i], amounts[i + len(axes)]
    if begins[:2] != [0, 0] or ends[:2] != [0, 0]:
        raise Refused("batch or channels are padded")
    if min(begins + ends) < 0:
        raise Refused("the Pad takes elements away")
    return tuple(a + b for a, b in zip((*begins[2:], *ends[2:]), op.pads, strict=True))


def _constant(pad: Pad) -> float | None:
    match pad.constant_value:
        case None:
            return 0.0
        case Const(data) if data.size == 1:
            return float(data.item())
    return None


def _never_negative(x: Value) -> bool:
    match x:
        case Relu() | Sigmoid():
            return True
        case Clip():
            return (bounds_of(x) or (-1.0, 0.0))[0] >= 0
    return False


RULES: tuple[Rule, ...] = (pad_into_conv, pad_into_average_pool, pad_into_max_pool)
