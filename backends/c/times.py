"""What was measured of kernels on this machine, and the choice by it."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np

from lissom.backends.c.host import cpu
from lissom.backends.c.program import Call
from lissom.backends.c.toolchain import FLAGS, need_compiler, version
from lissom.kernels.kernel import Kernel, Params
from lissom.kernels.table import by_cost, candidates, choose

SHORTLIST = 12
"""Kernels of a task that are timed: those of least cost."""


def cache_folder() -> Path:
    """Where measurements are kept: ``$LISSOM_CACHE``, or the user's folder for caches."""
    if given := os.environ.get("LISSOM_CACHE"):
        return Path(given)
    if platform.system() == "Darwin":
        return Path.home() / "Library" / "Caches" / "lissom"
    if platform.system() == "Windows":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "lissom" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lissom"


NO_SIZE = ("zero", "flip", "x_pixel", "y_pixel", "skip_pixel")
"""Parameters that a job does not depend on; pixels lie further apart once it is decided where operands lie."""


def job(task: str, params: Params) -> str:
    """What the time of a kernel depends on: the task and its sizes, not scales and zero points."""
    return f"{task} {json.dumps(_sizes(params), separators=(',', ':'))}"


def _sizes(value: Any) -> Any:
    if isinstance(value, dict):
        found = {k: _sizes(v) for k, v in value.items() if k not in NO_SIZE}
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
        self.facts = {"cpu": cpu(), "compiler": version([need_compiler(cc)]), "flags": " ".join(FLAGS)}
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
    return by_cost(taking, params)[:SHORTLIST] if taking else []


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
        if self.chosen.get(name) not in found:
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
