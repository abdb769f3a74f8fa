"""Detached operands for the ``samples()`` of ops: small, and the same on every run."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from lissom.ir.dims import Dim
from lissom.ir.types import Array, DType, tensor
from lissom.ir.values import Const, Input


def value(name: str, *shape: Dim, dtype: DType = DType.float32) -> Input:
    """A detached input; sizes may be symbolic (``dims.symbol("N")``)."""
    return Input(name, tensor(dtype, *shape))


def weight(name: str, *shape: int, low: float = -1.0, high: float = 1.0, dtype: DType = DType.float32) -> Const:
    """A detached constant with pseudo-random elements in ``[low, high)`` that depend on its name and shape only."""
    return Const(random_array(name, shape, dtype, low, high), name)


def literal(name: str, data: Any, dtype: DType = DType.int64) -> Const:
    """A detached constant with the elements given."""
    return Const(np.array(data, dtype=dtype.numpy), name)


def random_array(
    key: str, shape: tuple[int, ...], dtype: DType, low: float | None = None, high: float | None = None
) -> Array:
    """Pseudo-random elements that depend on ``key`` only.

    Floats and integers are uniform in ``[low, high)``, by default (-2, 2) and (0, 10); bools are fair.
    """
    rng = np.random.default_rng(zlib.crc32(f"{key}{shape}".encode()))
    if dtype is DType.bool:
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.is_integer:
        return rng.integers(0 if low is None else int(low), 10 if high is None else int(high), shape).astype(
            dtype.numpy
        )
    return np.asarray(rng.uniform(-2 if low is None else low, 2 if high is None else high, shape)).astype(dtype.numpy)
