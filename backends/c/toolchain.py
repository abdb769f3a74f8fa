"""The host C compiler: finding it, building with it."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lissom.ir.errors import Error

WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic")
STANDARD = ("-std=c99", "-ffp-contract=off", *WARNINGS)
"""Flags every unit compiles under without a warning."""

FLAGS = ("-O3",)
"""How artifacts are built where nothing else is asked for, as CMake's build type Release does."""

PROCESSES = min(8, max(2, os.cpu_count() or 2))
"""Compilers that run at once."""

LEVEL_HEADER = "lissom_level.h"
"""What brings a compiler's vectors into a kernel. To read those of x86 takes gcc longer than most kernels do, so it is
done once in a process for each set of flags. Arm has less to read, and gcc 12 fails on Helium's compiled ahead."""
X86 = ("x86_64", "AMD64")
"""What Python may call such a machine."""


def find_compiler(cc: str | None = None) -> str | None:
    """The compiler asked for, the one in ``$CC``, or the first of cc, gcc and clang on the path."""
    for name in (cc, os.environ.get("CC"), "cc", "gcc", "clang"):
        if name and shutil.which(name):
            return name
        if name and name == cc:
            raise Error(f"the C compiler {name!r} is not on the path")
    return None


def need_compiler(cc: str | None = None) -> str:
    """The compiler; raises Error when there is none."""
    found = find_compiler(cc)
    if found is None:
        raise Error("no C compiler found: install gcc or clang, or set CC to one")
    return found


def compile_c(cc: Sequence[str], arguments: Sequence[str | Path]) -> str:
    """Run the compiler, a program with the flags it always has; returns what it printed, raises Error with that when it
    fails."""
    done = subprocess.run([*cc, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        shown = "\n".join((done.stderr or done.stdout).splitlines()[:20])
        raise Error(f"{' '.join(cc[:1])} could not compile the artifact:\n{shown}")
    return done.stderr


def compile_unit(cc: Sequence[str], flags: Sequence[str | Path], unit: Path, made: Path) -> str:
    """Compile a unit of an artifact to an object file, of which a level header that was compiled before changes no
    byte; returns what the compiler printed, raises Error with that when it fails."""
    header = unit.parent / LEVEL_HEADER
    ahead: tuple[str | Path, ...] = ()
    if header.is_file() and platform.machine() in X86 and len(cc) == 1:  # the compiler of this machine
        paths = [i for i, flag in enumerate(flags) if flag == "-I"]
        kept = tuple(str(flag) for i, flag in enumerate(flags) if i not in paths and i - 1 not in paths)
        with _PRECOMPILING:
            ahead = _precompiled(tuple(cc), kept, header.read_bytes())
    return compile_c(cc, [*flags, *ahead, "-c", unit, "-o", made])


_PRECOMPILING = threading.Lock()


@functools.cache
def _precompiled(cc: tuple[str, ...], flags: tuple[str, ...], text: bytes) -> tuple[str | Path, ...]:
    """Flags that put a header, compiled with these flags, in front of a unit; none where the compiler cannot. One whose
    compiled form it will not take after all is read as it stands."""
    header = Path(tempfile.mkdtemp(dir=_precompiled_folder().name)) / LEVEL_HEADER
    header.write_bytes(text)
    try:
        compile_c(cc, [*flags, "-x", "c-header", header, "-o", f"{header}.gch"])
    except Error:
        return ()
    return "-include", header


@functools.cache
def _precompiled_folder() -> tempfile.TemporaryDirectory[str]:
    """It goes when the process ends."""
    return tempfile.TemporaryDirectory(prefix="lissom-")


def sources(folder: Path, name: str) -> list[Path]:
    """The units of an artifact, in a fixed order."""
    others = sorted(f for f in folder.glob(f"{name}_*.c") if f.name != f"{name}_test.c")
    return [folder / f"{name}.c", *others, *sorted((folder / "kernels").glob("*.c"))]


def objects(cc: Sequence[str], flags: Sequence[str | Path], units: Mapping[Path, bytes], folder: Path) -> list[Path]:
    """The object file of each unit, compiled where ``folder`` does not have it yet; beside each unit is what stands for
    the headers it includes. Raises Error with what the compiler says when it fails."""

    def compiled(unit: Path, headers: bytes) -> Path:
        known = hashlib.sha256(repr((list(cc), list(map(str, flags)))).encode() + headers + unit.read_bytes())
        target = folder / f"{unit.stem}-{known.hexdigest()[:16]}.o"
        if not target.exists():
            made = target.with_suffix(f".{threading.get_ident()}.o")
            compile_unit(cc, flags, unit, made)
            made.replace(target)
        return target

    with ThreadPoolExecutor(PROCESSES) as pool:
        return list(pool.map(compiled, units.keys(), units.values()))


def version(cc: Sequence[str]) -> str:
    """The first line of what the compiler says it is."""
    done = subprocess.run([*cc, "--version"], capture_output=True, text=True)
    return (done.stdout or done.stderr).partition("\n")[0].strip()
