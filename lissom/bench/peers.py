"""The engines an artifact is raced against: which are installed, and how each is held to an instruction set."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from lissom.ir.errors import Error


@dataclass(frozen=True)
class Peer:
    """An engine. ``packages`` are the Python packages that bring it, the engine itself first."""

    name: str
    packages: tuple[str, ...]
    unlimited: str = ""
    """Why it cannot be held to an instruction set; empty: it can."""

    @property
    def install(self) -> str:
        return f"pip install {' '.join(self.packages)}"


PEERS = {
    p.name: p
    for p in (
        Peer("onnxruntime", ("onnxruntime",), "its kernels ask the CPU, and no setting keeps them from it"),
        Peer("openvino", ("openvino",)),
        Peer("litert", ("ai-edge-litert",), "XNNPACK asks the CPU, and no setting keeps it from it"),
        Peer("ncnn", ("ncnn", "pnnx"), "it asks the CPU, and no setting keeps it from it"),
    )
}
CONVERTERS = ("nncf", "pnnx", "litert-torch", "ai-edge-quantizer")
"""Packages that make better or further model files for a peer where they are installed."""

ONEDNN_LEVELS = {
    "portable": "SSE41",
    "x86-64-v2": "SSE41",
    "x86-64-v3": "AVX2",
    "avxvnni": "AVX2_VNNI",
    "x86-64-v4": "AVX512_CORE",
    "avx512vnni": "AVX512_CORE_VNNI",
    "amx": "AVX512_CORE_AMX",
}
"""What ``ONEDNN_MAX_CPU_ISA`` is for each level (oneDNN's documentation, "CPU dispatcher control")."""


@dataclass(frozen=True)
class Installed:
    """A peer that a Python has, with the versions of its packages."""

    peer: Peer
    python: str
    versions: dict[str, str]

    def environment(self, isa: str | None) -> dict[str, str]:
        """What a process of it has set: one thread, and the instruction set where that can be limited."""
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        limit = {"ONEDNN_MAX_CPU_ISA": ONEDNN_LEVELS[isa]} if isa and self.peer.name == "openvino" else {}
        return {**os.environ, **threads, **limit}


def pythons_of(paths: Sequence[str]) -> list[str]:
    """Whole paths of Pythons; of this one where none is given. Raises Error for what is no program."""
    for path in paths:
        if shutil.which(path) is None:
            raise Error(f"--peer-python {path} is not a program")
    return [os.path.abspath(shutil.which(p) or p) for p in paths] or [sys.executable]


def find(names: Sequence[str], pythons: Sequence[str]) -> tuple[dict[str, Installed], dict[str, str]]:
    """The peers that are installed, each with the first Python that has it, and for each missing one what to do.
    Raises Error for a name that is none."""
    for name in names:
        if name not in PEERS:
            raise Error(f"no peer is called {name!r}; there are: {', '.join(PEERS)}")
    versions = {python: _versions(python) for python in pythons}
    found: dict[str, Installed] = {}
    missing: dict[str, str] = {}
    for name in names:
        peer = PEERS[name]
        has = [python for python, known in versions.items() if peer.packages[0] in known]
        if has:
            relevant = {p: v for p, v in versions[has[0]].items() if p in (*peer.packages, *CONVERTERS)}
            found[name] = Installed(peer, has[0], relevant)
        else:
            missing[name] = f"{name} is not installed; {peer.install}"
    return found, missing


def python_with(package: str, pythons: Sequence[str]) -> str | None:
    """The first Python that has a package."""
    return next((p for p in pythons if package in _versions(p)), None)


_PROBE = """
import json
from importlib.metadata import PackageNotFoundError, version
found = {}
for name in NAMES:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print(json.dumps(found))
"""


@functools.cache
def _versions(python: str) -> dict[str, str]:
    """Versions of all packages of interest that a Python has."""
    names = [*(p for peer in PEERS.values() for p in peer.packages), *CONVERTERS]
    try:
        code = _PROBE.replace("NAMES", repr(names))
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
        found: dict[str, str] = json.loads(done.stdout)
    except (OSError, subprocess.CalledProcessError, ValueError) as e:
        raise Error(f"--peer-python {python} is not a Python that runs: {e}") from e
    return found
