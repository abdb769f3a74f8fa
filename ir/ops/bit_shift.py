from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch

from lissom.ir.families.bitwise import Bitwise
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType


class BitShift(Bitwise):
    """c = a shifted by b bits to the left, or to the right with copies of the sign bit (zeros for unsigned types).

    A count that is negative or not below the width moves every bit of a out.
    """

    direction: Literal["LEFT", "RIGHT"]

    def run(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        bits = self.type.dtype.bits
        v, count = a.to(torch.int64), b.to(torch.int64)
        out = (count < 0) | (count >= bits)
        count = count.clamp(0, bits - 1)
        if self.direction == "LEFT":
            shifted = torch.where(out, 0, v << count)
        elif a.dtype is torch.uint64:  # int64 shifts copies of bit 63 in: clear them
            kept = (v >> count) & ~torch.where(count > 0, (-1 << (64 - count.clamp(min=1))), 0)
            shifted = torch.where(out, 0, kept)
        else:
            shifted = torch.where(out, torch.where(v < 0, -1, 0), v >> count)
        return shifted.to(a.dtype)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        directions: tuple[Literal["LEFT", "RIGHT"], ...] = ("LEFT", "RIGHT")
        for direction in directions:
            b = literal("b", [0, 1, 7], DType.uint8)
            yield cls(value("a", 3, 1, dtype=DType.uint8, high=256), b, direction=direction)
            a = literal("a", [[(1 << 64) - 1], [1 << 63], [3]], DType.uint64)
            yield cls(a, literal("b", [0, 1, 63], DType.uint64), direction=direction)
            b = literal("b", [0, 1, 31, 32, 40, -1], DType.int32)
            yield cls(value("a", 6, dtype=DType.int32, low=-(1 << 20), high=1 << 20), b, direction=direction)
