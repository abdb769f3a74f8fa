"""The emulated machine that stands for a target."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from lissom.backends.c.cross import CROSS, find_for
from lissom.ir.errors import Error

Memory = tuple[int, int]
"""The first address and the size in bytes."""

_VECTORS = 1024
"""The memory that the vector table may take."""

_SECTIONS = """\
ENTRY(lissom_start)
SECTIONS
{
    .vectors : { KEEP(*(.vectors)) } > VECTORS
    .text : { *(.text .text.*) } > FLASH
    .rodata : { *(.rodata .rodata.*) . = ALIGN(4); } > FLASH
    .ARM.exidx : { *(.ARM.exidx*) } > FLASH
    .data : ALIGN(4)
    {
        lissom_data_begin = .; *(.data .data.*) . = ALIGN(4); lissom_data_end = .;
    } > RAM AT > FLASH
    lissom_data_stored = LOADADDR(.data);
    .bss (NOLOAD) : ALIGN(8)
    {
        lissom_bss_begin = .; *(.bss .bss.* COMMON) . = ALIGN(8); lissom_bss_end = .;
    } > RAM
    lissom_stack_top = ORIGIN(RAM) + LENGTH(RAM);
    ASSERT(lissom_bss_end + lissom_stack_bytes <= lissom_stack_top, "there is no room left for the stack")
    /DISCARD/ : { *(.comment .note.*) }
}
"""


@dataclass(frozen=True)
class Board:
    """A board of the qemu system emulator."""

    name: str
    flash: Memory
    """Where it looks for the vector table; its content is there before the start."""
    ram: Memory
    large: Memory
    """The largest memory, for programs that hold many networks."""

    def linker_script(self, large: bool = False) -> str:
        """Code and constants in flash, variables and stack in RAM; or with ``large`` all of them in that memory,
        and a stack that the driver may paint."""
        begin, size = self.flash
        regions = {"VECTORS": (begin, _VECTORS), "FLASH": (begin + _VECTORS, size - _VECTORS), "RAM": self.ram}
        more = ["lissom_stack_bytes = 0x1000;"]
        if large:
            regions = {"VECTORS": regions["VECTORS"], "LARGE": self.large}
            aliases = [f'REGION_ALIAS("{name}", LARGE)' for name in ("FLASH", "RAM")]
            more = [*aliases, "lissom_stack_bytes = 0x20000;"]
        lines = [f"    {name} : ORIGIN = {at:#x}, LENGTH = {size:#x}" for name, (at, size) in regions.items()]
        return "\n".join([f"/* Memory of {self.name}. */", "MEMORY", "{", *lines, "}", *more, _SECTIONS])


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


_MB = 1 << 20
_AN385 = Board("mps2-an385", (0, 4 * _MB), (0x20000000, 4 * _MB), (0x21000000, 16 * _MB))
_AN386 = Board("mps2-an386", (0, 4 * _MB), (0x20000000, 4 * _MB), (0x21000000, 16 * _MB))
_AN500 = Board("mps2-an500", (0, 4 * _MB), (0x20000000, 4 * _MB), (0x60000000, 16 * _MB))
_AN547 = Board("mps3-an547", (0x10000000, _MB // 2), (0x30000000, _MB // 2), (0x70000000, 128 * _MB))

MACHINES: dict[str, Machine] = {
    "aarch64": Machine("cortex-a53"),
    "aarch64+dotprod": Machine("cortex-a76"),
    "aarch64+i8mm": Machine("max,sve=off,sme=off"),
    "arm64": Machine("max,sve=off,sme=off"),
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
