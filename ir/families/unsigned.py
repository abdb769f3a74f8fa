"""Arithmetic on unsigned 16, 32 and 64 bit integers, for which torch has storage but hardly any operation."""

from __future__ import annotations

from collections.abc import Callable

import torch

from lissom.ir.types import DType

_UNSIGNED = (torch.uint16, torch.uint32, torch.uint64)
_TOP = -(1 << 63)  # the sign bit of an int64


def wide(run: Callable[..., torch.Tensor], dtype: DType, *operands: torch.Tensor) -> torch.Tensor:
    """``run`` on such operands as int64, for what is right modulo 2**64: ``+ - *``, bitwise ops, ``==``.

    Operands of other types go to ``run`` as they are. ``dtype`` is that of the result.
    """
    if any(o.dtype in _UNSIGNED for o in operands):
        return run(*(o.to(torch.int64) for o in operands)).to(dtype.torch)
    return run(*operands)


def ordered(run: Callable[..., torch.Tensor], dtype: DType, *operands: torch.Tensor) -> torch.Tensor:
    """Like :func:`wide`, for what depends on order only: comparisons, minima and maxima, positions of those.

    A uint64 is moved down by 2**63, which keeps the order, and its result is moved back up.
    """
    if any(o.dtype is torch.uint64 for o in operands):
        result = run(*(o.to(torch.int64) ^ _TOP for o in operands))
        return (result ^ _TOP).to(torch.uint64) if dtype is DType.uint64 else result.to(dtype.torch)
    return wide(run, dtype, *operands)


def divide(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The quotient of integers of one dtype, truncated toward zero; any unsigned or signed type.

    uint64 after Hacker's Delight, 2nd edition, section 9-3: divide half of ``a``, double, and correct by one.
    """
    if a.dtype is not torch.uint64:
        return wide(
            lambda p, q: torch.div(p, q, rounding_mode="trunc"), DType(str(a.dtype).removeprefix("torch.")), a, b
        )
    n, d = a.to(torch.int64), b.to(torch.int64)
    half = torch.div((n >> 1) & ~_TOP, d.clamp(min=1), rounding_mode="trunc") << 1
    quotient = half + ((n - half * d) ^ _TOP >= d ^ _TOP)
    at_most_one = (n ^ _TOP >= d ^ _TOP).to(torch.int64)  # the quotient by a divisor of 2**63 or more
    return torch.where(d < 0, at_most_one, quotient).to(torch.uint64)
