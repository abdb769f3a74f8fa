"""Builds an artifact and runs it: on this machine, or under an emulator of another."""

from __future__ import annotations

import ctypes
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lissom.backends.c.cross import foreign, need_for
from lissom.backends.c.emulation import guest
from lissom.backends.c.packages import code_folder
from lissom.backends.c.threads.pool import harness
from lissom.backends.c.toolchain import FLAGS, STANDARD, compile_c, objects, sources
from lissom.ir.errors import DataError, Error
from lissom.ir.types import Array


class Artifact:
    """The C in a folder that :func:`emit` wrote. Raises Error when the folder is none."""

    def __init__(self, out_dir: str | Path) -> None:
        self.folder = Path(out_dir)
        record = self.folder / "report.json"
        if not record.is_file():
            raise Error(f"{self.folder} is not an artifact: it has no report.json; make one with lissom compile")
        try:
            self.report: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
            self.name: str = self.report["name"]
            self.target: str = self.report["target"]
        except (ValueError, KeyError) as e:
            raise Error(f"{record} is damaged ({e}); compile the model again") from e
        self.code = self.folder / code_folder(self.report.get("package", "cmake"))
        """Where its C is."""
        self.flags: Sequence[str] = FLAGS
        """What is compiled with where nothing else is asked for."""
        self.threads: int = self.report["artifact"].get("threads", 1)
        """How many threads run it; fewer than it was compiled for may be set."""
        self.objects: Path | None = None
        """A folder that keeps what is compiled for builds that follow; by default nothing does."""
        self._library: ctypes.CDLL | None = None

    def build(self, cc: str | None = None, flags: Sequence[str] = FLAGS, harness: str | None = None) -> Path:
        """Compile the artifact under ``build/`` and return the path of what it became: a shared library, or for another
        machine than this a program that an emulator runs. It is done once for each compiler, set of flags and content.
        ``harness`` is C that is compiled into the library; by default a timed loop. Raises Error when there is no
        compiler or it fails."""
        compiler = need_for(self.target, cc)
        elsewhere = foreign(self.target)
        harness = self.harness(_TIMER) if harness is None else harness
        kernels = _digest(sorted((self.code / "kernels").glob("*.h")))
        headers = _digest(sorted(self.code.glob("*.h")), kernels)
        units = {unit: kernels if unit.parent.name == "kernels" else headers for unit in sources(self.code, self.name)}
        whole = _digest(units, repr((compiler, tuple(flags), harness)).encode() + headers)
        folder = self.folder / "build"
        built = folder / f"{self.name}-{whole.hex()[:16]}{'' if elsewhere else '.so'}"
        if built.exists():
            return built
        folder.mkdir(exist_ok=True)
        if self.is_threaded:
            flags = [*flags, "-pthread"]
        options: list[str | Path] = [*STANDARD, *flags, "-I", self.code]
        with tempfile.TemporaryDirectory(dir=folder) as work:
            made = Path(work, built.name)
            if elsewhere:
                compiled = objects(compiler, options, units, self.objects or Path(work))
                guest.link(self.target, [self.network], compiled, made, ["-I", self.code], cc)
            else:
                added = Path(work, "harness.c")
                added.write_text(harness, encoding="ascii")
                options.append("-fPIC")
                compiled = objects(compiler, options, {**units, added: headers}, self.objects or Path(work))
                compile_c(compiler, ["-shared", *flags, *compiled, "-o", made, "-lm"])
            made.replace(built)
        return built

    def run(self, *inputs: Any) -> list[Array]:
        """One array per output. A batch larger than the artifact's, along a symbolic first axis of the model, is run in
        pieces. Raises DataError for inputs of the wrong number, dtype or shape."""
        arrays = [np.asarray(a) for a in inputs]
        pieces = self._pieces(arrays)
        if foreign(self.target):
            runs = [(0, piece) for piece in pieces]
            answers = guest.run(self.target, self.build(flags=self.flags), [self.network], runs)
            results = [answer.outputs for answer in answers]
        else:
            results = [self._run_once(piece) for piece in pieces]
        if len(results) == 1:
            return results[0]
        return [
            np.concatenate(parts) if self._batched(port) else parts[0]
            for port, parts in zip(self.report["outputs"], zip(*results, strict=True), strict=True)
        ]

    def time(self, *inputs: Any, at_least: float = 0.2) -> float:
        """Seconds a run takes, measured in C: the best of :meth:`times`, which a busy machine disturbs least."""
        return min(self.times(*inputs, at_least=at_least))

    def times(self, *inputs: Any, at_least: float = 0.2) -> list[float]:
        """Seconds a run takes in each of several loops in C that together take ``at_least`` seconds; the first run of
        all, which meets cold caches, is not among them. Raises what :meth:`run` raises."""
        clock = self.stopwatch(*inputs)
        clock(1)
        found: list[float] = []
        spent, repeats = 0.0, 1
        while spent < at_least:
            found.append(clock(repeats))
            spent += found[-1] * repeats
            repeats = max(1, min(repeats * 2, round(at_least / 20 / max(found[-1], 1e-9))))
        return found

    def stopwatch(self, *inputs: Any, cpu: bool = False) -> Callable[[int], float]:
        """A function of a number of runs that makes them in one loop in C and returns the seconds each took: of the
        clock on the wall, or with ``cpu`` of the processor, which other programs do not add to. Raises what :meth:`run`
        raises."""
        arguments, _ = self.bind(self.one(*inputs))
        function = getattr(self._load(), f"{self.name}_time")
        return lambda repeats: float(function(*arguments, repeats, int(cpu), self.threads))

    @property
    def is_threaded(self) -> bool:
        """Whether it was compiled for more threads than one."""
        return bool(self.report["artifact"].get("threads", 1) > 1)

    def harness(self, text: str) -> str:
        """C that runs the artifact; in it NAME stands for its name and RUNNING for ``start`` and ``run``."""
        return text.replace("RUNNING", harness(self.name, 2 if self.is_threaded else 1)).replace("NAME", self.name)

    # ---- inside

    def _batched(self, port: dict[str, Any]) -> bool:
        declared = port["declared"]
        return bool(declared) and isinstance(declared[0], str)

    def _pieces(self, arrays: list[Array]) -> list[list[Array]]:
        ports = self.report["inputs"]
        if len(arrays) != len(ports):
            wanted = ", ".join(f"{p['name']}: {p['dtype']}{p['shape']}" for p in ports)
            raise DataError(f"{self.name} takes {len(ports)} inputs ({wanted}), got {len(arrays)}")
        counts: set[int] = set()
        for port, a in zip(ports, arrays, strict=True):
            shape = port["shape"]
            if a.dtype.name != port["dtype"]:
                raise DataError(f"input {port['name']!r} is {port['dtype']}, got {a.dtype.name}")
            batched = self._batched(port) and a.ndim == len(shape) and list(a.shape[1:]) == shape[1:]
            if batched and a.shape[0] % shape[0] == 0:
                counts.add(a.shape[0] // shape[0])
            elif list(a.shape) != shape:
                free = f" (any multiple of {shape[0]} along the first axis)" if self._batched(port) else ""
                raise DataError(f"input {port['name']!r} has shape {shape}{free}, got {list(a.shape)}")
        if len(counts) > 1 or 0 in counts:
            raise DataError(f"the batches of the inputs differ or are empty: {[list(a.shape) for a in arrays]}")
        count = counts.pop() if counts else 1
        return [
            [
                a[i * p["shape"][0] : (i + 1) * p["shape"][0]] if self._batched(p) else a
                for p, a in zip(ports, arrays, strict=True)
            ]
            for i in range(count)
        ]

    @property
    def network(self) -> guest.Network:
        """What an emulator has to know of it."""
        inputs, outputs = (
            tuple((tuple(p["shape"]), p["dtype"]) for p in self.report[k]) for k in ("inputs", "outputs")
        )
        return guest.Network(self.name, inputs, outputs, self.report["artifact"]["arena_bytes"])

    def _load(self) -> ctypes.CDLL:
        if foreign(self.target):
            raise Error(f"{self.name} is for {self.target}: emulated time says nothing; count instructions")
        if self._library is None:
            library = ctypes.CDLL(str(self.build(flags=self.flags).resolve()))
            getattr(library, f"{self.name}_time").restype = ctypes.c_double
            if hasattr(library, f"{self.name}_init") and getattr(library, f"{self.name}_init")():
                raise Error(f"{self.name} needs AMX, which this machine does not give; compile it for avx512vnni")
            self._library = library
        return self._library

    def _run_once(self, arrays: list[Array]) -> list[Array]:
        arguments, outputs = self.bind(arrays)
        if status := getattr(self._load(), f"{self.name}_once")(*arguments, self.threads):
            raise Error(f"{self.name}_run returned {int(status)}")
        return outputs

    def one(self, *inputs: Any) -> list[Array]:
        """The arrays of a single run. Raises DataError where they are not."""
        pieces = self._pieces([np.asarray(a) for a in inputs])
        if len(pieces) > 1:
            raise DataError(f"{self.name} is timed on one run; this batch is {len(pieces)} of them")
        return pieces[0]

    def bind(self, arrays: Sequence[Array]) -> tuple[tuple[Any, ...], list[Array]]:
        """What ``NAME_run`` takes, as ctypes that keep their memory alive, and the outputs it will write. A struct of
        pointers is an array of pointers."""
        held = [np.ascontiguousarray(a) for a in arrays]
        outputs = [np.zeros(p["shape"], p["dtype"]) for p in self.report["outputs"]]
        facts = self.report["artifact"]
        alignment = facts["arena_alignment"]
        memory = np.empty(facts["arena_bytes"] + alignment, np.uint8)
        arena = memory.ctypes.data + -memory.ctypes.data % alignment

        def struct(of: Sequence[Array]) -> Any:
            pointers = (ctypes.c_void_p * max(1, len(of)))(*(a.ctypes.data for a in of))
            pointers.memory = of  # type: ignore[attr-defined]  # any ctypes object takes attributes
            return pointers

        work = ctypes.c_void_p(arena)
        work.memory = memory  # type: ignore[attr-defined]
        return (struct(held), struct(outputs), work), outputs


def _digest(files: Iterable[Path], before: bytes = b"") -> bytes:
    """What stands for the content of files."""
    found = hashlib.sha256(before)
    for file in files:
        found.update(file.read_bytes())
    return found.digest()


_TIMER = """\
#define _POSIX_C_SOURCE 200112L
#include <time.h>

#include "NAME.h"

RUNNING
int NAME_once(const NAME_inputs *inputs, NAME_outputs *outputs, void *arena, int threads);
double NAME_time(const NAME_inputs *inputs, NAME_outputs *outputs, void *arena, int repeats, int cpu, int threads);

int NAME_once(const NAME_inputs *inputs, NAME_outputs *outputs, void *arena, int threads)
{
    start(threads);
    return run(inputs, outputs, arena);
}

double NAME_time(const NAME_inputs *inputs, NAME_outputs *outputs, void *arena, int repeats, int cpu, int threads)
{
    const clockid_t clock = cpu ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
    struct timespec begin, end;
    start(threads);
    clock_gettime(clock, &begin);
    for (int i = 0; i < repeats; ++i) {
        (void)run(inputs, outputs, arena);
    }
    clock_gettime(clock, &end);
    return ((double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec)) / repeats;
}
"""
