"""How much memory an artifact takes: code, constants and variables that the compiler made, and a bound of its stack.

For a machine without a system the artifact is linked as firmware that calls it would be, with the functions of the C
and compiler libraries that it needs and without those that nothing calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lissom.backends.c.cross import CROSS, find_for, foreign
from lissom.backends.c.elf import flash_bytes, is_elf, ram_bytes
from lissom.backends.c.thumb import Function, functions
from lissom.backends.c.toolchain import FLAGS, PROCESSES, compile_c, compile_unit, sources
from lissom.ir.errors import Error

LIBRARY_STACK = 64
"""What a function of the C or compiler library may take of the stack where its instructions do not say it."""


@dataclass(frozen=True)
class Footprint:
    """Bytes of an artifact."""

    code: dict[str, int]
    """Of each unit but the weights: instructions and constants; of ``libraries`` what was linked with them."""
    weights: int
    """Constants as they lie in memory, gaps included."""
    variables: int
    """Memory that is written to and is not the arena: none."""
    stack: int
    """The most a call of the run function takes."""

    @property
    def code_bytes(self) -> int:
        return sum(self.code.values())

    @property
    def flash(self) -> int:
        return self.code_bytes + self.weights


def footprint(folder: Path, name: str, target: str, work: Path, cc: str | None = None) -> Footprint | None:
    """Compile an artifact for its target and look at what came out; None where there is no compiler for it."""
    command = find_for(target, cc)
    if command is None:
        return None
    bare = foreign(target) and CROSS[target].bare
    graphs = "-fcallgraph-info=su" if _takes(command, "-fcallgraph-info=su", work) else "-fstack-usage"
    optimize = FLAGS if foreign(target) else ("-O2",)
    flags: list[str | Path] = ["-std=c99", "-ffp-contract=off", *optimize, graphs, "-I", folder]
    units = sources(folder, name)

    def compiled(unit: Path) -> Path:
        made = work / f"{unit.stem}.o"
        compile_unit(command, flags, unit, made)
        return made

    with ThreadPoolExecutor(PROCESSES) as pool:
        made = list(pool.map(compiled, units))
    sizes = {unit.stem: flash_bytes(o) if is_elf(o) else 0 for unit, o in zip(units, made, strict=True)}
    weights = sum(size for stem, size in sizes.items() if stem.endswith("_weights"))
    code = {stem: size for stem, size in sizes.items() if not stem.endswith("_weights")}
    variables, read = 0, dict[str, Function]()
    if bare:
        image = work / "image"
        entry = [f"-Wl,-e,{name}_run", "-Wl,--gc-sections", "-nostartfiles"]
        compile_c(command, [*entry, *made, "-o", image, *([] if "ziglang" in command else ["-lm"])])
        code["libraries"] = max(0, flash_bytes(image) - sum(sizes.values()))
        variables, read = ram_bytes(image), functions(image)
    known = "callgraph" in graphs
    stack = CallGraph(made, read, bare).deepest(f"{name}_run") if known else _frames(units, made, name)
    return Footprint(code, weights, variables, stack)


def _takes(command: Sequence[str], flag: str, work: Path) -> bool:
    """Whether the compiler knows a flag."""
    empty = work / "empty.c"
    empty.write_text("int empty;\n", encoding="ascii")
    try:
        compile_c(command, ["-Werror", flag, "-c", empty, "-o", work / "empty.o"])
    except Error:
        return False
    return True


class CallGraph:
    """The frame of each function and what it calls, as gcc writes it beside object files (-fcallgraph-info=su).

    ``libraries`` are functions without such files. Of Cortex-M code instructions count too: assembly may push.
    """

    def __init__(self, objects: Iterable[Path], libraries: Mapping[str, Function], is_thumb: bool) -> None:
        self._libraries = libraries
        self._frames: dict[str, int] = {}
        self._calls: dict[str, set[str]] = {}
        self._pointed: dict[str, set[str]] = {}
        """What a pointer may lead to: the static functions of the same unit, since kernels are given none."""
        for unit in objects:
            text = unit.with_suffix(".ci").read_text(encoding="utf-8")
            read = functions(unit) if is_thumb else {}
            own: set[str] = set()
            for title, label in re.findall(r'node: \{ title: "([^"]*)" label: "([^"]*)"', text):
                if found := re.search(r"(\d+) bytes \(([^)]*)\)", label):
                    if "dynamic" in found[2] and "bounded" not in found[2]:
                        raise Error(f"the stack of {title} has no bound: it is {found[2]}")
                    pushed = [f.stack for n, f in read.items() if n.partition(".")[0] == title.rpartition(":")[2]]
                    self._frames[title] = max(int(found[1]), *pushed, 0)
                    own |= {title} if ":" in title else set()
            for caller, callee in re.findall(r'edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)"', text):
                of = self._pointed if callee == "__indirect_call" else self._calls
                of.setdefault(caller, set()).update(own if of is self._pointed else {callee})

    def deepest(self, function: str, above: tuple[str, ...] = ()) -> int:
        """The most that a function and all it calls take. Raises Error for one that calls itself."""
        path = (*above, function)
        if function not in self._frames:
            library = self._libraries.get(function, Function(0, True))
            return library.stack + (LIBRARY_STACK if library.calls else 0)
        called, pointed = self._calls.get(function, set()), self._pointed.get(function, set())
        if repeated := sorted(called.intersection(path)):
            raise Error(f"{repeated[0]} calls itself, so its stack has no bound")
        below = [self.deepest(callee, path) for callee in sorted(called | pointed.difference(path))]
        return self._frames[function] + max(below, default=0)


def _frames(units: Sequence[Path], objects: Sequence[Path], name: str) -> int:
    """Where the compiler does not say what calls what: the run function, of several levels the largest, and the deepest
    kernel, with all functions of its unit."""
    deepest = [0, 0, 0]
    for unit, made in zip(units, objects, strict=True):
        usage = made.with_suffix(".su")
        found = re.findall(r"\t(\d+)\t", usage.read_text()) if usage.exists() else []
        depth = 0 if unit.stem == name else 2 if unit.parent.name == "kernels" else 1
        deepest[depth] = max(deepest[depth], sum(map(int, found)))
    return sum(deepest)
