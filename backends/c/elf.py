"""What takes memory in an object file or program, as the ELF format has it (System V ABI, "Object Files")."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from lissom.ir.errors import Error

_NOBITS, _WRITE, _ALLOC = 8, 1, 2


@dataclass(frozen=True)
class Section:
    """A section that is in memory when the program runs."""

    name: str
    nbytes: int
    writable: bool
    stored: bool
    """Whether its content is in the file, and so has to be in flash; else it starts as zeros."""


def is_elf(path: Path) -> bool:
    """Whether a file is of this format."""
    return path.read_bytes()[:4] == b"\x7fELF"


def sections(path: Path) -> list[Section]:
    """The sections of a little-endian file that are in memory. Raises Error for a file of another format."""
    data = path.read_bytes()
    if data[:4] != b"\x7fELF" or data[5] != 1:
        raise Error(f"{path.name} is no little-endian ELF file")
    wide = data[4] == 2
    (table,) = struct.unpack_from("<Q" if wide else "<I", data, 40 if wide else 32)
    each, count, names = struct.unpack_from("<HHH", data, 58 if wide else 46)
    form = "<IIQQQQ" if wide else "<IIIIII"
    rows = [struct.unpack_from(form, data, table + i * each) for i in range(count)]
    text = rows[names][4]
    found = []
    for name, kind, flags, _, _, size in rows:
        if flags & _ALLOC and size:
            label = data[text + name : data.index(b"\0", text + name)].decode()
            found.append(Section(label, size, bool(flags & _WRITE), kind != _NOBITS))
    return found


def flash_bytes(path: Path) -> int:
    """What of a file has to be kept where power is off: code, constants, and where variables start."""
    return sum(s.nbytes for s in sections(path) if s.stored)


def ram_bytes(path: Path) -> int:
    """What of a file is written to: its variables."""
    return sum(s.nbytes for s in sections(path) if s.writable)
