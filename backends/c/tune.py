"""Tuning: which kernel is fastest for each layer, by the clock of this machine.

The network is built again and again, each time with other kernels for its layers, and every call is timed in its place,
with the cache as its neighbours leave it. Kernels of a task compute the same bytes, so tuning never changes results.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from lissom.backends.c.artifact import Artifact
from lissom.backends.c.edges import Edges
from lissom.backends.c.emit import MARK, plan_program, write_code
from lissom.backends.c.host import missing, resolve
from lissom.backends.c.profile import layer_times
from lissom.backends.c.program import Layer, Program
from lissom.backends.c.report import artifact_report
from lissom.backends.c.source import ports
from lissom.backends.c.times import Times, Tuned, job
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.kernels.kernel import Kernel
from lissom.kernels.table import SEVERAL

Progress = Callable[[int, int], None]
"""Takes how many measurements are done, and how many there are."""


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
    tuned = Tuned(Times(cc))
    for one in _runnable(resolve(target)):
        tuned.chosen |= _tune_one(graph, one, io, tuned.times, cc, seconds, progress).chosen
    return tuned


def _runnable(target: str) -> list[str]:
    """The target, or those it holds code for, that run here; raises Error where there is none."""
    several = SEVERAL.get(target, (target,))
    found = [t for t in several if not missing(t)]
    if not found:
        lacking = ", ".join(missing(several[-1]))
        raise Error(f"tuning for {target} needs a machine that runs it; this one lacks {lacking}")
    return found


def _tune_one(
    graph: Graph,
    target: str,
    io: Literal["float", "int8"],
    times: Times,
    cc: str | None,
    seconds: float,
    progress: Progress,
) -> Tuned:
    """A chooser that knows the times of all candidates for a single target."""
    given_up: set[tuple[str, str]] = set()
    done = 0
    with tempfile.TemporaryDirectory() as folder:
        while True:
            explorer = _Explorer(times, given_up)
            lowered, edges, program = plan_program(graph, target, io=io, chooser=explorer)
            progress(done, done + explorer.left)
            if not explorer.left:
                return explorer
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
