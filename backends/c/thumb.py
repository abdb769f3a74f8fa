"""What functions of Cortex-M code take of the stack, read from instructions (Armv8-M Architecture Reference Manual).

Compilers say it of what they compile, and not of assembly in it, nor of functions of libraries.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SYMTAB, _FUNCTION, _SP = 2, 2, 13


@dataclass(frozen=True)
class Function:
    """A function's instructions: how far they move the stack pointer down, each taken once, and whether they lead to
    another function."""

    stack: int
    calls: bool


def functions(path: Path) -> dict[str, Function]:
    """The functions of a 32-bit little-endian ELF file by name."""
    data = path.read_bytes()
    (table,) = struct.unpack_from("<I", data, 32)
    each, count = struct.unpack_from("<HH", data, 46)
    sections = [struct.unpack_from("<10I", data, table + i * each) for i in range(count)]
    found: dict[str, Function] = {}
    for section in sections:
        if section[1] != _SYMTAB:
            continue
        names, symbols = sections[section[6]][4], []
        for at in range(section[4], section[4] + section[5], 16):
            name, value, size, info, _, index = struct.unpack_from("<IIIBBH", data, at)
            symbols.append((data[names + name : data.index(b"\0", names + name)].decode(), value, size, info, index))
        for name, value, size, info, index in symbols:
            if info & 15 == _FUNCTION and size and index < count:
                begin = value & ~1
                tables = [(v, n[:2] == "$d") for n, v, _, _, i in symbols if i == index and n[:2] in ("$t", "$d")]
                code = data[sections[index][4] + begin - sections[index][3] :][:size]
                found[name] = _function(code, sorted((v - begin, is_data) for v, is_data in tables))
    return found


def _function(code: bytes, marks: list[tuple[int, bool]]) -> Function:
    """``marks`` say from which offset on there are data or instructions."""
    stack, calls = 0, False
    for at, first, second in _instructions(code, marks):
        stack += _moved(first, second)
        if first & 0xF800 == 0xF000 and second & 0x9000 == 0x9000:
            is_call = second & 0xD000 == 0xD000
            calls |= is_call or not 0 <= at + 4 + _branch(first, second) < len(code)
    return Function(stack, calls)


def _instructions(code: bytes, marks: list[tuple[int, bool]]) -> Iterator[tuple[int, int, int]]:
    """Offset and both halves of each instruction; the second half of a short one is 0."""
    at = 0
    while at + 2 <= len(code):
        if any(is_data for offset, is_data in [m for m in marks if m[0] <= at][-1:]):
            at += 2
            continue
        (first,) = struct.unpack_from("<H", code, at)
        long = first >= 0xE800 and at + 4 <= len(code)
        yield at, first, struct.unpack_from("<H", code, at + 2)[0] if long else 0
        at += 4 if long else 2


def _moved(first: int, second: int) -> int:
    """How far an instruction moves the stack pointer down."""
    if first & 0xFE00 == 0xB400:  # PUSH
        return 4 * (first & 0x1FF).bit_count()
    if first & 0xFF80 == 0xB080:  # SUB sp, #
        return 4 * (first & 0x7F)
    if first == 0xE92D:  # PUSH.W
        return 4 * second.bit_count()
    if first == 0xF84D and second & 0x0F00 == 0x0D00:  # STR [sp, #-]!
        return second & 0xFF
    if first == 0xE96D or first & 0xFFBF == 0xED2D:  # STRD [sp, #-]!, VPUSH
        return 4 * (second & 0xFF)
    if first & 0xFBFF in (0xF1AD, 0xF2AD) and second >> 8 & 15 == _SP:  # SUB.W and SUBW sp, #
        plain = (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF
        return plain if first & 0xFBFF == 0xF2AD else _expanded(plain)
    return 0


def _expanded(field: int) -> int:
    """The number that the 12 bits of a modified immediate stand for."""
    if field >> 10:
        turn, value = field >> 7, 0x80 | field & 0x7F
        return (value >> turn | value << 32 - turn) & 0xFFFFFFFF
    low = field & 0xFF
    return (low, low << 16 | low, low << 24 | low << 8, low * 0x01010101)[field >> 8]


def _branch(first: int, second: int) -> int:
    """How far a long branch leads."""
    sign, j1, j2 = first >> 10 & 1, second >> 13 & 1, second >> 11 & 1
    i1, i2 = 1 - (j1 ^ sign), 1 - (j2 ^ sign)
    offset = sign << 24 | i1 << 23 | i2 << 22 | (first & 0x3FF) << 12 | (second & 0x7FF) << 1
    return offset - (sign << 25)
