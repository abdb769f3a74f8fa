"""The emulated machine that stands for a target."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from lissom.backends.c.cross import CROSS, find_for
from lissom.ir.errors import Error


@dataclass(frozen=True)
class Board:
    """A board of the qemu system emulator: where its vector table has to be, and its largest memory."""

    name: str
    vectors: int
    memory: int
    size: int


@dataclass(frozen=True)
class Machine:
    """An emulator and the processor it plays: the least one that has a target's instructions, so that others fault."""

    cpu: str
    board: Board | None = None

    @property
    def emulator(self) -> str:
        return "qemu-aarch64" if self.board is None else "qemu-system-arm"

    @property
    def package(self) -> str:
        """The Debian package the emulator is in."""
        return "qemu-user" if self.board is None else "qemu-system-arm"

    @property
    def present(self) -> bool:
        return shutil.which(self.emulator) is not None


_AN385 = Board("mps2-an385", 0, 0x21000000, 16 << 20)
_AN386 = Board("mps2-an386", 0, 0x21000000, 16 << 20)
_AN500 = Board("mps2-an500", 0, 0x60000000, 16 << 20)
_AN547 = Board("mps3-an547", 0x10000000, 0x70000000, 128 << 20)

MACHINES: dict[str, Machine] = {
    "aarch64": Machine("cortex-a53"),
    "aarch64+dotprod": Machine("cortex-a76"),
    "aarch64+i8mm": Machine("max,sve=off,sme=off"),
    "cortex-m0": Machine("cortex-m3", _AN385),
    "cortex-m3": Machine("cortex-m3", _AN385),
    "cortex-m4": Machine("cortex-m4", _AN386),
    "cortex-m7": Machine("cortex-m7", _AN500),
    "cortex-m55": Machine("cortex-m55", _AN547),
}
"""No board with a Cortex-M0 has the memory, so an M3 runs its code, which is a part of its own; what an M0 cannot do
and an M3 can, unaligned access, is switched off at the start."""


def lacking_for(target: str) -> str:
    """The Debian packages that building for a target of another machine and running it here lack; empty: none."""
    cross, played = CROSS[target], MACHINES[target]
    missing = [*([] if find_for(target) else [cross.packages]), *([] if played.present else [played.package])]
    return " ".join(missing)


def machine(target: str) -> Machine:
    """The machine of a target. Raises Error where there is none, and with what to install where its emulator is
    missing."""
    found = MACHINES.get(target)
    if found is None:
        raise Error(f"no emulator plays {target}; there are some for {', '.join(MACHINES)}")
    if not found.present:
        raise Error(f"{target} runs here under {found.emulator}, which is missing: apt-get install {found.package}")
    return found
