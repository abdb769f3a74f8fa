"""The 32-bit FNV-1a checksum (Fowler, Noll & Vo), which the test program of an artifact computes byte by byte.

A step is ``h = (h ^ byte) * PRIME``. The exclusive or changes only the lowest 8 bits, and those depend on none above:
bit k of theirs is a parity of what came in before, plus what the bits below it carry. So they are found for many bytes
at once, bit by bit, and the rest is a sum: ``h ^ byte`` is h and a known change, each of which is multiplied by PRIME
once for every byte from there on.
"""

from __future__ import annotations

import numpy as np

from lissom.ir.types import Array

START, PRIME = 0x811C9DC5, 0x01000193
PIECE = 1 << 16
"""Bytes at once, which stay in a cache."""
POWERS = np.multiply.accumulate(np.full(PIECE, PRIME, np.uint32))
"""PRIME, its square and so on, modulo 2^32."""


def fnv(data: bytes) -> int:
    """The checksum of bytes."""
    value, whole = START, np.frombuffer(data, np.uint8)
    for start in range(0, len(whole), PIECE):
        value = _after(value, whole[start : start + PIECE])
    return value


def _after(value: int, piece: Array) -> int:
    """The checksum ``value``, some bytes further on."""
    came = piece.copy()
    came[0] ^= value & 0xFF
    mixed = np.zeros_like(piece)  # the lowest byte of h ^ byte, at each step
    for bit in range(8):
        column = came.copy()
        column[1:] ^= mixed[:-1] * np.uint8(PRIME & 0xFF)
        mixed |= _parities(column & np.uint8(1 << bit)) << np.uint8(bit)
    change = mixed.astype(np.int16) - (mixed ^ piece)
    powers = POWERS[: len(piece)][::-1]
    return (value * int(powers[0]) + int((change.astype(np.uint32) * powers).sum(dtype=np.uint32))) & 0xFFFFFFFF


def _parities(bits: Array) -> Array:
    """Of each element, the parity of how many up to it are not 0."""
    packed = np.packbits(bits, bitorder="little")
    words = np.zeros(-(-len(packed) // 8), "<u8")
    words.view(np.uint8)[: len(packed)] = packed
    for distance in (1, 2, 4, 8, 16, 32):
        words ^= words << np.uint64(distance)
    words[1:] ^= -np.bitwise_xor.accumulate(words >> np.uint64(63))[:-1]  # all of a word where those before it are odd
    return np.unpackbits(words.view(np.uint8), count=len(bits), bitorder="little")
