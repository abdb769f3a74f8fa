"""Which element types hold every element of another."""

from __future__ import annotations

import numpy as np

from lissom.ir.types import DType


def holds_all_of(wide: DType, narrow: DType) -> bool:
    """True when every element of ``narrow`` can be stored as ``wide`` and brought back unchanged."""
    if wide is narrow or narrow is DType.bool:
        return True
    if narrow.is_integer and narrow.bits >= 8 and wide.is_integer and wide.bits >= 8:
        mine, theirs = np.iinfo(wide.numpy), np.iinfo(narrow.numpy)
        return bool(mine.min <= theirs.min and theirs.max <= mine.max)
    if narrow.is_integer and wide.is_float:
        return narrow.bits <= MANTISSA.get(wide, 0)
    if narrow.is_float and wide.is_float:
        return wide in (DType.float32, DType.float64) and narrow in MANTISSA and MANTISSA[narrow] < MANTISSA[wide]
    return False


MANTISSA = {DType.bfloat16: 8, DType.float16: 11, DType.float32: 24, DType.float64: 53}
"""Bits of an integer that each float type holds exactly."""
