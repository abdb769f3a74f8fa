"""The peak of one core at each level, measured: what a layer's speed is a fraction of."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path

from lissom.backends.c.host import features
from lissom.backends.c.toolchain import compile_c, find_compiler
from lissom.ir.errors import Error

SOURCE = Path(__file__).with_name("ceiling.c")

INT8 = {
    "portable": (0, "sse2"),
    "x86-64-v2": (0, "sse2"),
    "x86-64-v3": (2, "avx2"),
    "avxvnni": (4, "avx_vnni"),
    "x86-64-v4": (5, "avx512bw"),
    "avx512vnni": (6, "avx512_vnni"),
    "amx": (7, "amx_int8"),
}
FLOAT = {
    "portable": (1, "sse2"),
    "x86-64-v2": (1, "sse2"),
    "x86-64-v3": (3, "fma"),
    "avxvnni": (3, "fma"),
    "x86-64-v4": (8, "avx512f"),
    "avx512vnni": (8, "avx512f"),
    "amx": (8, "avx512f"),
}
"""For each level its instruction in ``ceiling.c``, and what ``/proc/cpuinfo`` calls it. Exact arithmetic only: 7-bit
weights, where they are declared, can go faster than the int8 peak of AVX2."""


def cpu_name() -> str:
    """What this CPU calls itself."""
    return _cpuinfo("model name") or "unknown CPU"


def _cpuinfo(field: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == field), "")


def lacks(level: str) -> str | None:
    """What this CPU has not that a level needs; None: it has all."""
    if level not in INT8:
        return f"the level {level} is not one of {', '.join(INT8)}"
    missing = sorted({flag for _, flag in (INT8[level], FLOAT[level])} - features())
    return f"this CPU has no {', '.join(missing)}" if missing else None


@functools.cache
def peak(level: str, int8: bool) -> float | None:
    """Multiply-accumulates a second of one core; None where it cannot be measured."""
    compiler = find_compiler()
    if compiler is None or lacks(level):
        return None
    kind, _ = (INT8 if int8 else FLOAT)[level]
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "ceiling")
        try:
            compile_c([compiler], ["-O2", "-w", f"-DKIND={kind}", SOURCE, "-o", program])
            done = subprocess.run([str(program)], capture_output=True, text=True, check=True)
        except (Error, OSError, subprocess.CalledProcessError):
            return None
    return float(done.stdout)
