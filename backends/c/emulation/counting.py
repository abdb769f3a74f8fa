"""How many instructions an artifact executes: exact, and the same on every machine and however busy it is.

Counted is what lies between two marks, one before and one after the call of the run function; hints as marks are one
instruction each and do not count. In the per-layer build each layer that has calls stands between two marks of its own:
argument set-up included, checks at the start of the run function and moves between layers not.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lissom.backends.c.artifact import Artifact
from lissom.backends.c.cross import foreign
from lissom.backends.c.emulation import guest
from lissom.backends.c.emulation.machines import machine
from lissom.backends.c.times import cache_folder
from lissom.backends.c.toolchain import FLAGS, compile_c, need_compiler
from lissom.ir.errors import Error
from lissom.ir.types import Array

RUN, RUN_END, LAYER, LAYER_END = range(4)
"""The numbers of marks."""


@dataclass(frozen=True)
class Counts:
    """Instructions of one run, and of each layer of the report; 0 for layers without calls."""

    instructions: int
    layers: list[int]


def count(
    artifact: Artifact, *inputs: Any, layers: bool = True, flags: Sequence[str] = FLAGS, cc: str | None = None
) -> Counts:
    """Count the instructions of one run on ``inputs``; without ``layers``, which takes another build, those are 0.
    Raises Error where the artifact is for this machine or a tool is missing, and what ``Artifact.run`` raises."""
    if not foreign(artifact.target):
        raise Error(f"instructions are counted under an emulator of another machine; {artifact.target} runs on this")
    arrays = artifact.one(*inputs)
    whole = met(artifact.target, artifact.build(cc, flags), artifact.network, arrays)
    ((first, last),) = _pairs(whole, RUN, RUN_END)
    by_layer = _by_layer(artifact, arrays, flags, cc) if layers else [0] * len(artifact.report["layers"])
    return Counts(_between((first, last)), by_layer)


def _by_layer(artifact: Artifact, arrays: Sequence[Array], flags: Sequence[str], cc: str | None) -> list[int]:
    """Instructions between the marks around each layer."""
    upper, report = artifact.name.upper(), artifact.report["layers"]
    marks = [f"-D{upper}_LAYER_{edge}(layer)=LISSOM_MARK({n})" for edge, n in (("BEGIN", LAYER), ("END", LAYER_END))]
    marked = [*flags, "-include", str(guest.FOLDER / "marks.h"), *marks]
    found = met(artifact.target, artifact.build(cc, marked), artifact.network, arrays)
    spent = [_between(pair) for pair in _pairs(found, LAYER, LAYER_END)]
    with_calls = [i for i, layer in enumerate(report) if layer["kernel"]]
    if len(spent) != len(with_calls):
        raise Error(f"{len(spent)} layers were counted of {len(with_calls)}: compile the model again")
    known = dict(zip(with_calls, spent, strict=True))
    return [known.get(i, 0) for i in range(len(report))]


def _between(pair: tuple[int, int]) -> int:
    """What was executed between two marks, without the first of them."""
    return pair[1] - pair[0] - 1


def _pairs(marks: Sequence[tuple[int, int]], first: int, last: int) -> list[tuple[int, int]]:
    begins, ends = ([n for which, n in marks if which == number] for number in (first, last))
    return list(zip(begins, ends, strict=True))


def met(target: str, program: Path, network: guest.Network, arrays: Sequence[Array]) -> list[tuple[int, int]]:
    """Each mark that a run of the only network of a program meets: its number, and the instructions before it."""
    with tempfile.TemporaryDirectory() as work:
        counted = Path(work, "counts")
        option = ["-plugin", f"{plugin(machine(target).emulator)},out={counted}"]
        guest.run(target, program, [network], [(0, arrays)], option)
        if not counted.exists():
            raise Error("the emulator was built without plugins, which count instructions")
        return [(int(which), int(n)) for which, n in map(str.split, counted.read_text().splitlines())]


def plugin(emulator: str) -> Path:
    """The plugin, compiled for the emulator's version and kept in the folder for caches."""
    source = guest.FOLDER / "counter.c"
    wanted = interface(emulator)
    name = hashlib.sha256(source.read_bytes() + bytes([wanted])).hexdigest()[:16]
    built = cache_folder() / f"counter-{name}.so"
    if not built.exists():
        built.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=built.parent) as work:
            made = Path(work, built.name)
            options = ["-std=c99", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", f"-DINTERFACE={wanted}"]
            compile_c([need_compiler()], [*options, source, "-o", made])
            made.replace(built)
    return built


INTERFACES = ((9, 0, 2), (9, 1, 3), (9, 2, 4))
"""From which version on qemu wants which version of the interface for plugins; before, it is 1."""


def interface(emulator: str) -> int:
    """The version of the interface that an emulator wants."""
    said = subprocess.run([emulator, "--version"], capture_output=True, text=True).stdout
    found = re.search(r"version (\d+)\.(\d+)", said)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    return max((n for major, minor, n in INTERFACES if version >= (major, minor)), default=1)
