from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.dims import Dim, mod
from lissom.ir.families.comparison import never_negative
from lissom.ir.families.elementwise import Binary, fold_binary
from lissom.ir.families.unsigned import divide, wide
from lissom.ir.op import Op
from lissom.ir.samples import value
from lissom.ir.types import Array, DType


class Mod(Binary):
    """c = a - floor(a / b) * b, with the sign of b; with ``fmod``, c = a - trunc(a / b) * b, with the sign of a."""

    fmod: bool = False

    def run(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        if a.dtype.is_floating_point:
            return torch.fmod(a, b) if self.fmod else _floor_mod(a, b)
        if not a.dtype.is_signed:
            return wide(lambda p, q, quotient: p - quotient * q, self.type.dtype, a, b, divide(a, b))
        return torch.fmod(a, b) if self.fmod else torch.remainder(a, b)

    def fold_contents(self) -> Array | None:
        return None if self.fmod else fold_binary(_remainder, self.a, self.b)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        for fmod in (False, True):
            a = value("a", 2, 9, dtype=DType.int64, low=-9)
            yield cls(a, value("b", 9, dtype=DType.int64, low=1), fmod=fmod)
            yield cls(
                value("a", 20, dtype=DType.uint64, high=1 << 50), value("b", 20, dtype=DType.uint64, low=1), fmod=fmod
            )
            yield cls(
                value("a", 9, dtype=DType.int8, low=-99, high=99),
                value("b", 9, dtype=DType.int8, low=-9, high=-1),
                fmod=fmod,
            )
        yield cls(value("a", 2, 9, low=-9, high=9), value("b", 9, low=0.5), fmod=True)
        yield cls(value("a", 2, 9, low=-9, high=9), value("b", 9, low=-2, high=-0.5))


def _floor_mod(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The exact remainder with the sign of b: of an infinite b too, and a zero takes b's sign."""
    r = torch.fmod(a, b)
    r = torch.where((r != 0) & ((r < 0) != (b < 0)), r + b, r)
    return torch.where(r == 0, torch.copysign(r, b), r)


def _remainder(a: Dim, b: Dim) -> Dim | None:
    return mod(a, b) if b != 0 and never_negative(b) else None
