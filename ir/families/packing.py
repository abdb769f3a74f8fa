"""Numbers of a few bits in a row of bytes: number i takes bits ``i * bits`` and up, lowest bits first."""

from __future__ import annotations

import numpy as np
import torch

from lissom.ir.types import Array


def packed_bytes(count: int, bits: int) -> int:
    """Bytes that ``count`` numbers take."""
    return (count * bits + 7) // 8


def pack(numbers: Array, bits: int) -> Array:
    """Numbers below ``2**bits`` as uint8, the last byte filled up with zeros."""
    each = (numbers.reshape(-1, 1).astype(np.uint32) >> np.arange(bits, dtype=np.uint32)) & 1
    packed: Array = np.packbits(each.astype(np.uint8).reshape(-1), bitorder="little")
    return packed


def unpack(data: torch.Tensor, bits: int, count: int) -> torch.Tensor:
    """The first ``count`` numbers, as int64."""
    first = torch.arange(count, device=data.device) * bits
    wide = torch.nn.functional.pad(data.to(torch.int64), (0, 2))
    pair = wide[first >> 3] | wide[(first >> 3) + 1] << 8
    return (pair >> (first & 7)) & ((1 << bits) - 1)
