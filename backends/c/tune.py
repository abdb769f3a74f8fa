"""Tuning: which kernel is fastest for each layer, by the clock of this machine.

The network is built again and again, each time with other kernels for its layers, and every call is timed in its place,
with the cache as its neighbours leave it. Kernels of a task compute the same bytes, so tuning never changes results.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lissom.backends.c.artifact import FLAGS, Artifact
from lissom.backends.c.edges import Edges
from lissom.backends.c.emit import MARK, plan_program, write_code
from lissom.backends.c.host import cpu, missing, resolve
from lissom.backends.c.profile import layer_times
from lissom.backends.c.program import Call, Layer, Program
from lissom.backends.c.report import artifact_report
from lissom.backends.c.source import ports
from lissom.backends.c.toolchain import need_compiler, version
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.kernels.kernel import Kernel, Params
from lissom.kernels.table import candidates, choose

SHORTLIST = 12
"""Kernels of a task that are timed: those of least cost."""

Progress = Callable[[int, int], None]
"""Takes how many measurements are done, and how many there are."""


def cache_folder() -> Path:
    """Where measurements are kept: ``$LISSOM_CACHE``, or the user's folder for caches."""
    if given := os.environ.get("LISSOM_CACHE"):
        return Path(given)
    if platform.system() == "Darwin":
        return Path.home() / "Library" / "Caches" / "lissom"
    if platform.system() == "Windows":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "lissom" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lissom"


def job(task: str, params: Params) -> str:
    """What the time of a kernel depends on: the task and its sizes, not scales and zero points."""
    return f"{task} {json.dumps(_sizes(params), separators=(',', ':'))}"


def _sizes(value: Any) -> Any:
    if isinstance(value, dict):
        found = {k: _sizes(v) for k, v in value.items() if k not in ("zero", "flip")}
        return {k: v for k, v in found.items() if v not in (None, {})}
    if isinstance(value, tuple | list):
        return [int(v) for v in value if not isinstance(v, float | np.floating)]
    return None if isinstance(value, float | np.floating | str) else int(value)


@functools.cache
def _content(name: str, code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()[:12]


def _identity(kernel: Kernel) -> str:
    """Name and content: what was measured of a kernel says nothing once it has changed."""
    return f"{kernel.name} {_content(kernel.name, ''.join(kernel.files().values()))}"


class Times:
    """Seconds that kernels take, by job; kept in a file for each compiler and processor."""

    def __init__(self, cc: str | None = None, folder: Path | None = None) -> None:
        self.facts = {"cpu": cpu(), "compiler": version(need_compiler(cc)), "flags": " ".join(FLAGS)}
        name = hashlib.sha256(json.dumps(self.facts).encode()).hexdigest()[:12]
        self.path = (folder or cache_folder()) / f"times-{name}.json"
        self._found = self._read()

    def _read(self) -> dict[str, dict[str, float]]:
        try:
            found: dict[str, dict[str, float]] = json.loads(self.path.read_text(encoding="utf-8"))["seconds"]
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        return found

    def of(self, job: str, kernel: Kernel) -> float | None:
        """Seconds a kernel takes for a job; None where that was not measured."""
        return self._found.get(job, {}).get(_identity(kernel))

    def add(self, job: str, kernel: Kernel, seconds: float) -> None:
        """Take in a measurement."""
        self._found.setdefault(job, {})[_identity(kernel)] = seconds

    def save(self) -> None:
        """Write the file, with what others have written meanwhile."""
        for name, seconds in self._read().items():
            self._found[name] = {**seconds, **self._found.get(name, {})}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_suffix(f".{os.getpid()}")
        aside.write_text(json.dumps({**self.facts, "seconds": self._found}, indent=0), encoding="utf-8")
        aside.replace(self.path)


def shortlist(task: str, params: Params, target: str) -> list[Kernel]:
    """The kernels worth timing, of least cost first: those of the best level that has any."""
    taking, _ = candidates(task, params, target)
    best = [k for k in reversed(taking) if k.level == taking[0].level]
    return sorted(best, key=lambda k: k.cost(params))[:SHORTLIST]


class Tuned:
    """A chooser by measured times; where there are none, by costs."""

    def __init__(self, times: Times) -> None:
        self.times = times
        self.chosen: dict[str, Kernel] = {}

    def __call__(self, task: str, params: Params, target: str) -> Kernel | str:
        found = shortlist(task, params, target)
        if not found:
            return choose(task, params, target)
        name = job(task, params)
        if name not in self.chosen:
            self.chosen[name] = self.pick(name, found)
        return self.chosen[name]

    def pick(self, name: str, found: list[Kernel]) -> Kernel:
        """The fastest; the first where none was timed."""
        return min(found, key=lambda k: self.times.of(name, k) or float("inf"))

    def seconds(self, call: Call) -> float | None:
        """What was measured of a call's kernel, for a program that this has chosen for."""
        name = job(call.kernel.task.name, call.params)
        kernel = self.chosen.get(name)
        return None if kernel is None else self.times.of(name, kernel)


class _Explorer(Tuned):
    """Chooses what was not timed yet, the most promising first, and counts what is left."""

    def __init__(self, times: Times, given_up: set[tuple[str, str]]) -> None:
        super().__init__(times)
        self.given_up = given_up
        self.left = 0

    def pick(self, name: str, found: list[Kernel]) -> Kernel:
        unknown = [k for k in found if self.times.of(name, k) is None and (name, k.name) not in self.given_up]
        self.left += len(unknown)
        return unknown[0] if unknown else super().pick(name, found)


def tune(
    graph: Graph,
    target: str,
    *,
    io: Literal["float", "int8"] = "float",
    cc: str | None = None,
    seconds: float = 0.5,
    progress: Progress = lambda done, total: None,
) -> Tuned:
    """Measure the kernels that could compute each layer, and return what chooses the fastest: the ``chooser`` of
    :func:`emit`. What was measured before is not measured again, so a run that was stopped goes on where it was.

    Every candidate takes its share of ``seconds`` in a run of the network. Raises Error for a target that this machine
    cannot run, or without a compiler.
    """
    target = resolve(target)
    if lacking := missing(target):
        raise Error(f"tuning for {target} needs a machine that runs it; this one lacks {', '.join(lacking)}")
    times, given_up = Times(cc), set[tuple[str, str]]()
    done = 0
    with tempfile.TemporaryDirectory() as folder:
        while True:
            explorer = _Explorer(times, given_up)
            lowered, edges, program = plan_program(graph, target, io=io, chooser=explorer)
            progress(done, done + explorer.left)
            if not explorer.left:
                return Tuned(times)
            fresh = {(name, k.name) for name, k in explorer.chosen.items() if times.of(name, k) is None}
            for name, found in _measure(lowered, edges, program, Path(folder), cc, seconds).items():
                kernel = explorer.chosen.get(name)
                if kernel is not None and (name, kernel.name) in fresh:
                    times.add(name, kernel, found)
            times.save()
            given_up |= fresh
            done += len(fresh)


def _measure(
    lowered: Graph, edges: Edges, program: Program, folder: Path, cc: str | None, seconds: float
) -> dict[str, float]:
    """Seconds of each job of a program, in its place: the least of many, and the mean of all calls of the job."""
    program.layers = [Layer(layer.op, [call]) for layer in program.layers for call in layer.calls]
    inputs, outputs = ports([i.name for i in lowered.inputs], edges.inputs), ports(lowered.output_names, edges.outputs)
    for old in folder.glob("kernels/*.c"):
        old.unlink()
    write_code(folder, program, inputs, outputs)
    report = artifact_report(lowered, program, edges, inputs, outputs, None, None)
    (folder / MARK).write_text(json.dumps(report), encoding="utf-8")
    artifact = Artifact(folder)
    artifact.objects = folder
    feed = [np.zeros(p["shape"], p["dtype"]) for p in report["inputs"]]
    found: dict[str, list[float]] = {}
    for layer, spent in zip(program.layers, layer_times(artifact, *feed, seconds=seconds, cc=cc), strict=True):
        call = layer.calls[0]
        found.setdefault(job(call.kernel.task.name, call.params), []).append(spent)
    return {name: sum(each) / len(each) for name, each in found.items()}
