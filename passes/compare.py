"""When two outputs count as equal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from lissom.ir.types import Array
from lissom.ir.values import Value


@dataclass(frozen=True)
class Verdict:
    """Whether two outputs agree, and by how much they differ, in words; ``error`` is relative to the range."""

    agrees: bool
    error: float
    text: str


Comparison: TypeAlias = Callable[[Array, Array, Value], Verdict]
"""``(expected, got, value)``, where ``value`` is the output in the new graph: how a pass lets its result be judged."""


def close(relative: float = 1e-5) -> Comparison:
    """Floats agree within ``relative`` of the largest finite magnitude expected, integers and bools exactly.

    Narrow integers (8 and 16 bits) come from rounding floats, which may fall to the other side: 1 in 1,000 may be off
    by one.
    """

    def compare(expected: Array, got: Array, value: Value) -> Verdict:
        if expected.shape != got.shape or expected.dtype != got.dtype:
            return Verdict(False, np.inf, f"{expected.dtype}{list(expected.shape)} became {got.dtype}{list(got.shape)}")
        error = relative_error(expected, got)
        if value.type.dtype.is_float:
            return Verdict(error <= relative, error, f"{error:.1e} of the range, {relative:.0e} allowed")
        wrong = expected != got
        count = int(np.count_nonzero(wrong))
        rounded = value.type.dtype.is_integer and value.type.dtype.bits <= 16
        one_off = rounded and np.abs(expected[wrong].astype(np.int64) - got[wrong].astype(np.int64)).max(initial=0) <= 1
        agrees = count == 0 or bool(one_off and count <= max(1, expected.size // 1000))
        return Verdict(agrees, error, f"{count} of {expected.size} elements differ")

    return compare


def relative_error(expected: Array, got: Array) -> float:
    """The largest difference over the largest finite magnitude expected.

    Infinite where one is NaN or Inf and the other is not; for bools and strings the share that differs.
    """
    if expected.shape != got.shape:
        return float("inf")
    if expected.size == 0:
        return 0.0
    if expected.dtype.kind in "OUSb":
        return float(np.mean(expected != got))
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    a, b = expected.astype(wide), got.astype(wide)
    finite = np.isfinite(a)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True) or not np.isfinite(b[finite]).all():
        return float("inf")
    if not finite.any():
        return 0.0
    scale = float(np.abs(a[finite]).max())
    difference = float(np.abs(a[finite] - b[finite]).max())
    return difference / scale if scale else (0.0 if difference == 0 else float("inf"))
