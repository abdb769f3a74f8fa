"""The race: every engine a process on the same core, or as many as it has threads, taking turns in an order that is
shuffled each round.

A fixed order favours whoever follows a light neighbour; so does a machine that is busy for a while. Duplicates of an
engine show what is left of that: leads smaller than their spread mean nothing.
"""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np

from lissom.ir.errors import DataError, Error
from lissom.ir.types import Array

WORKER = Path(__file__).with_name("worker.py")

TURN = 0.05
"""Seconds of timed work in a turn."""

PATIENCE = 4.0
"""Seconds of timed work after which an engine slower than a turn sits out, once it has had three turns."""

Sample = Mapping[str, Array]


@dataclass(frozen=True)
class Entrant:
    """An engine with a model to run. ``same_as`` names the entrant that this one repeats, to show noise."""

    label: str
    engine: str
    numbers: str
    file: Path
    python: str = sys.executable
    environment: Mapping[str, str] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    isa: str | None = None
    """The instruction set it is held to."""
    same_as: str = ""
    threads: int = 1


@dataclass
class Lane:
    """What was measured of an entrant: seconds of each run, and its outputs beside those of the float model."""

    entrant: Entrant
    seconds: list[float] = field(default_factory=list)
    sqnr: float | None = None
    agreement: float | None = None
    why: str = ""
    """Why it did not finish; empty: it did."""

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def least(self) -> float:
        return min(self.seconds)

    @property
    def spread(self) -> float:
        """The interquartile range over the median."""
        if len(self.seconds) < 2:
            return 0.0
        low, _, high = quantiles(self.seconds, n=4)
        return (high - low) / self.median

    def to_dict(self) -> dict[str, Any]:
        """What ``--json`` holds of it; seconds, not milliseconds."""
        e = self.entrant
        known: dict[str, Any] = {
            "label": e.label,
            "engine": e.engine,
            "numbers": e.numbers,
            "isa": e.isa,
            "threads": e.threads,
            "same_as": e.same_as,
        }
        if self.why:
            return {**known, "why": self.why}
        times = {"median": self.median, "min": self.least, "iqr": self.spread, "runs": len(self.seconds)}
        return {**known, **times, "sqnr_db": self.sqnr, "top1_agreement": self.agreement}


def race(
    entrants: Sequence[Entrant],
    samples: Sequence[Sample],
    expected: Sequence[Sequence[Array]],
    *,
    rounds: int = 12,
    core: int | None = None,
    cpu: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> list[Lane]:
    """Time every entrant on the first sample, and compare what it computes of each with ``expected``, one list of
    outputs for each sample. With ``cpu`` time is that of the processor, to which other programs do not add. Those that
    fail, or give outputs of another size, have ``why`` set and are not timed."""
    lanes: list[Lane] = []
    runners: list[tuple[Lane, _Runner, int]] = []
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder, "inputs.npz")
        np.savez(inputs, **{f"{n}/{i}": a for i, s in enumerate(samples) for n, a in s.items()})  # type: ignore[arg-type]
        try:
            for i, entrant in enumerate(entrants):
                progress(f"starting {entrant.label}")
                lane = Lane(entrant)
                lanes.append(lane)
                outputs = Path(folder, f"outputs{i}.npz")
                runner = _Runner(entrant, Path(folder, f"spec{i}.json"), inputs, outputs, {"core": core, "cpu": cpu})
                try:
                    runner.wait_ready()
                    lane.sqnr, lane.agreement = compare(_stored(outputs, len(samples)), expected)
                    first = min(runner.times(3))
                    runners.append((lane, runner, max(1, min(200, round(TURN / max(first, 1e-7))))))
                except Error as e:
                    lane.why = str(e)
                    runner.stop()
            for number in range(rounds):
                order = list(runners)
                random.Random(number).shuffle(order)
                for lane, runner, repeats in order:
                    if len(lane.seconds) >= 3 and sum(lane.seconds) > max(PATIENCE, TURN * rounds):
                        continue
                    progress(f"round {number + 1} of {rounds}: {lane.entrant.label}")
                    if repeats > 1 or not lane.seconds:
                        runner.times(1)
                    lane.seconds += runner.times(repeats)
        finally:
            for _, runner, _ in runners:
                runner.stop()
    return lanes


def cores_from(core: int | None, count: int) -> list[int] | None:
    """The core and those before it that this process may use, in a ring; None where no core is wanted. Raises Error
    where there are fewer than ``count``."""
    if core is None:
        return None
    able = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [core]
    if count > len(able):
        raise Error(f"{count} threads want a core each; this process may use {len(able)}")
    last = able.index(core) if core in able else len(able) - 1
    return [core, *(able[last - i] for i in range(1, count))]


class _Runner:
    """The process of an entrant."""

    def __init__(self, entrant: Entrant, spec: Path, inputs: Path, outputs: Path, more: Mapping[str, Any]) -> None:
        self.entrant = entrant
        self.log = spec.with_suffix(".log")
        facts = {"engine": entrant.engine, "file": str(entrant.file), "options": dict(entrant.options), **more}
        facts |= {"threads": entrant.threads, "cores": cores_from(more["core"], entrant.threads)}
        spec.write_text(json.dumps({**facts, "inputs": str(inputs), "outputs": str(outputs)}))
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [entrant.python, str(WORKER), str(spec)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=entrant.environment,
                text=True,
            )

    def wait_ready(self) -> None:
        answer = self._answer()
        if not answer["ready"]:
            raise Error(str(answer["why"]))

    def times(self, repeats: int) -> list[float]:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(f"{repeats}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer will say so
        answer: list[float] = self._answer()
        return answer

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            told = self.log.read_text(errors="replace").strip().splitlines()
            why = told[-1] if told else f"exit status {self.process.returncode}"
            raise Error(f"{self.entrant.label} died: {why}")
        return json.loads(line)


def _stored(path: Path, samples: int) -> list[list[Array]]:
    with np.load(path) as stored:
        count = len(stored.files) // samples
        return [[stored[f"{i}/{j}"] for j in range(count)] for i in range(samples)]


def compare(got: Sequence[Sequence[Array]], expected: Sequence[Sequence[Array]]) -> tuple[float, float]:
    """The ratio of signal to noise of all outputs in dB, and on what share of the rows of the first output the largest
    element is the same one. Raises DataError where sizes differ."""
    signal = noise = 0.0
    agree = rows = 0
    for mine, theirs in zip(got, expected, strict=True):
        if [a.size for a in mine] != [a.size for a in theirs]:
            shapes = f"{[list(a.shape) for a in mine]} where {[list(a.shape) for a in theirs]} is right"
            raise DataError(f"computes outputs of shape {shapes}")
        for a, b in zip(mine, theirs, strict=True):
            wanted = b.astype(np.float64).ravel()
            signal += float(wanted @ wanted)
            noise += float(((a.astype(np.float64).ravel() - wanted) ** 2).sum())
        width = theirs[0].shape[-1] if theirs[0].ndim else 1
        same = mine[0].reshape(-1, width).argmax(1) == theirs[0].reshape(-1, width).argmax(1)
        agree, rows = agree + int(same.sum()), rows + same.size
    if not math.isfinite(noise):
        return -math.inf, agree / max(rows, 1)
    return 10 * math.log10(max(signal, 1e-300) / max(noise, 1e-15 * signal, 1e-300)), agree / max(rows, 1)
