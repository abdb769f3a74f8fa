"""What this machine's processor can run."""

from __future__ import annotations

import ctypes
import functools
import platform
import re
import subprocess
from pathlib import Path

from lissom.ir.errors import Error
from lissom.kernels.table import SEVERAL, TARGETS

_NEEDS: dict[str, str] = {
    "portable": "",
    "x86-64-v2": "sse3 ssse3 sse4_1 sse4_2 popcnt",
    "x86-64-v3": "avx avx2 bmi1 bmi2 f16c fma",
    "avxvnni": "avx_vnni",
    "x86-64-v4": "avx512f avx512bw avx512cd avx512dq avx512vl",
    "avx512vnni": "avx512_vnni",
    "amx": "amx_tile amx_int8",
    "aarch64": "asimd",
    "aarch64+dotprod": "asimddp",
    "aarch64+i8mm": "i8mm",
}
"""The features, as Linux names them, that a level asks for on top of those of the levels behind it in TARGETS."""

NATIVE = "native"
"""The name for the best target of this machine."""


@functools.cache
def features() -> frozenset[str]:
    """The processor's features as Linux names them; empty where they cannot be read."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        found = re.search(r"^(?:flags|Features)\s*:(.*)$", cpuinfo.read_text(), re.MULTILINE)
        names = found[1].split() if found else []
        if not gives_tiles():
            names = [n for n in names if not n.startswith("amx")]
        return frozenset("sse3" if n == "pni" else n for n in names)
    if platform.system() == "Darwin":
        keys = ["machdep.cpu.features", "machdep.cpu.leaf7_features"]
        done = subprocess.run(["sysctl", "-n", *keys], capture_output=True, text=True)
        renamed = {"avx1.0": "avx", "sse4.1": "sse4_1", "sse4.2": "sse4_2"}
        return frozenset(renamed.get(n, n) for n in done.stdout.lower().split())
    return frozenset()


def gives_tiles() -> bool:
    """Whether the system gives processes the registers of AMX, which old kernels and some containers do not though the
    processor has them: arch_prctl(ARCH_GET_XCOMP_SUPP), Documentation/arch/x86/xstate.rst of Linux."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return False
    found = ctypes.c_uint64()
    done = ctypes.CDLL(None).syscall(ctypes.c_long(158), ctypes.c_long(0x1021), ctypes.byref(found))
    return done == 0 and found.value >> 18 & 1 == 1


@functools.cache
def cpu() -> str:
    """What the processor calls itself; empty where that cannot be read."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        found = re.search(r"^(?:model name|Model|CPU part)\s*:\s*(.*)$", cpuinfo.read_text(), re.MULTILINE)
        return found[1].strip() if found else platform.machine()
    if platform.system() == "Darwin":
        done = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True)
        return done.stdout.strip()
    return platform.processor()


def missing(target: str) -> list[str]:
    """The features that ``target`` asks for and this machine lacks; a microcontroller is none that Linux runs on."""
    if target.startswith("cortex-m"):
        return [target]
    wanted = [f for level in TARGETS[target] for f in _NEEDS[level].split()]
    return [f for f in wanted if f not in features()]


def native() -> str:
    """The target with most levels that this machine can run."""
    return max((t for t in TARGETS if not missing(t)), key=lambda t: len(TARGETS[t]))


def resolve(target: str) -> str:
    """``target``, or what ``native`` stands for here; raises Error for a name that is neither."""
    if target == NATIVE:
        return native()
    if target not in TARGETS and target not in SEVERAL:
        raise Error(f"no target is called {target!r}; there are: {', '.join([*TARGETS, *SEVERAL, NATIVE])}")
    return target
