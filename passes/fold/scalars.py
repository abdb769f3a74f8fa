"""Constants with a certain value, for patterns."""

from __future__ import annotations

from lissom.ir.values import Const, Value

NEAR = 2e-6
"""Relative: a float32 constant that an exporter computed in float32, perhaps in two steps."""


def is_scalar(value: Value | None, wanted: float) -> bool:
    """True for a constant of one element that is ``wanted``, to the precision exporters write it with."""
    if not isinstance(value, Const) or value.data.size != 1 or not value.type.dtype.is_float:
        return False
    near = NEAR if value.type.dtype.bits >= 32 else 2e-3
    return abs(float(value.data.item()) - wanted) <= near * abs(wanted)
