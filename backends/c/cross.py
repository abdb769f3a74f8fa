"""The C compiler for a target: this machine's own, or one that builds for another.

A cross compiler of the system is taken where there is one, else clang as the ``ziglang`` package carries it.
"""

from __future__ import annotations

import functools
import importlib.util
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from lissom.backends.c.host import missing
from lissom.backends.c.toolchain import find_compiler, need_compiler
from lissom.ir.errors import Error
from lissom.kernels.table import SEVERAL

Command = tuple[str, ...]
"""How a compiler is called: a program and the flags that name its target."""


@dataclass(frozen=True)
class Cross:
    """How C is built for a machine that is not this one."""

    gcc: str
    packages: str
    """The Debian packages that hold it and a C library."""
    flags: Command
    """The target, as gcc spells it. Kernels for AArch64 name what they need above the base in the file; more here would
    keep functions for all levels from being inlined into those of a lower one."""
    clang_flags: Command
    """The target, as clang spells it, which up to version 15 goes by its flags alone."""
    triple: str
    """The target of clang."""
    zig: Command
    """The target, as zig spells it."""

    @property
    def bare(self) -> bool:
        """Whether there is no operating system."""
        return self.gcc.startswith("arm-none")


def _linux(arch: str) -> Cross:
    packages = "gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
    flags, zig = ("-march=armv8-a",), ("-target", "aarch64-linux-musl", "-mcpu=generic")
    return Cross("aarch64-linux-gnu-gcc", packages, flags, (f"-march={arch}",), "aarch64-linux-gnu", zig)


def _cortex(cpu: str, arch: str, fpu: str = "", features: str = "") -> Cross:
    """``fpu`` as gcc names it, ``auto`` where the processor's name says enough; empty: floats are software."""
    abi = "hard" if fpu else "soft"
    chosen = () if fpu in ("", "auto") else (f"-mfpu={fpu}",)
    flags = (f"-mcpu={cpu}", "-mthumb", f"-mfloat-abi={abi}", *chosen)
    eabi = "eabihf" if fpu else "eabi"
    zig = ("-target", f"thumb-freestanding-{eabi}", f"-mcpu={cpu.replace('-', '_')}{features}")
    packages = "gcc-arm-none-eabi libnewlib-arm-none-eabi"
    return Cross("arm-none-eabi-gcc", packages, flags, flags, f"{arch}-none-{eabi}", zig)


CROSS: dict[str, Cross] = {
    "aarch64": _linux("armv8-a"),
    "aarch64+dotprod": _linux("armv8.2-a+dotprod"),
    "aarch64+i8mm": _linux("armv8.2-a+dotprod+i8mm"),
    "arm64": _linux("armv8-a"),
    "cortex-m0": _cortex("cortex-m0", "thumbv6m"),
    "cortex-m3": _cortex("cortex-m3", "thumbv7m"),
    "cortex-m4": _cortex("cortex-m4", "thumbv7em", "fpv4-sp-d16", "+vfp4d16sp"),
    "cortex-m7": _cortex("cortex-m7", "thumbv7em", "fpv5-d16", "+fp_armv8d16"),
    "cortex-m55": _cortex("cortex-m55", "thumbv8.1m.main", "auto", "+mve+mve_fp+fp_armv8d16"),
}
"""The targets that another machine may build for."""


def foreign(target: str) -> bool:
    """Whether ``target`` needs another machine than this one, of a kind that this one can build for."""
    return target in CROSS and bool(missing(SEVERAL.get(target, (target,))[-1]))


@functools.cache
def has_zig() -> bool:
    """Whether the ``ziglang`` package is installed."""
    return importlib.util.find_spec("ziglang") is not None


def find_for(target: str, cc: str | None = None) -> Command | None:
    """The compiler asked for, or one that is found, with the flags that make it compile for ``target``; None where
    there is none. Raises Error where the one asked for is not on the path."""
    if not foreign(target):
        found = find_compiler(cc)
        return None if found is None else (found, *native_flags(target, found))
    cross = CROSS[target]
    headers = ("-isystem", str(FREESTANDING)) if cross.bare else ()
    if cc is not None and cc != "zig":
        if shutil.which(cc) is None:
            raise Error(f"the C compiler {cc!r} is not on the path")
        return (cc, f"--target={cross.triple}", *cross.clang_flags, *headers) if "clang" in cc else (cc, *cross.flags)
    if cc is None and shutil.which(cross.gcc):
        return (cross.gcc, *cross.flags)
    return (sys.executable, "-m", "ziglang", "cc", *cross.zig, *ZIG_FLAGS, *headers) if has_zig() else None


def native_flags(target: str, compiler: str) -> Command:
    """What this machine's own compiler needs for a target of this machine's kind."""
    return CROSS[target].clang_flags if target in CROSS and "clang" in compiler else ()


ZIG_FLAGS = ("-fno-sanitize=undefined",)
"""zig adds checks to what it compiles unless it is told not to."""

FREESTANDING = Path(__file__).parent / "emulation" / "freestanding"
"""Headers for a compiler that has none of a C library."""


def need_for(target: str, cc: str | None = None) -> Command:
    """The compiler for ``target``; raises Error that says what to install where there is none."""
    if not foreign(target):
        compiler = need_compiler(cc)
        return (compiler, *native_flags(target, compiler))
    found = find_for(target, cc)
    if found is None:
        cross = CROSS[target]
        raise Error(
            f"no C compiler for {target}: install {cross.gcc} (apt-get install {cross.packages}) "
            "or clang for any target (pip install 'lissom[cross]')"
        )
    return found
