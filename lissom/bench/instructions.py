"""Instructions that an artifact for a machine not at hand executes for one inference, whole and by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lissom.backends.c.artifact import Artifact
from lissom.backends.c.cross import need_for
from lissom.backends.c.emulation.counting import count
from lissom.backends.c.emulation.machines import machine
from lissom.backends.c.toolchain import version
from lissom.bench.race import Sample
from lissom.cli.runners import quantized


@dataclass(frozen=True)
class LayerCount:
    """One layer, counted."""

    name: str
    op: str
    kernel: str
    macs: int
    instructions: int


@dataclass(frozen=True)
class Counted:
    """What was counted of an artifact."""

    target: str
    instructions: int
    layers: list[LayerCount]
    memory: dict[str, int]
    """Bytes, as the report has them."""
    tools: dict[str, str]

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON has it."""
        return {
            "schema": 1,
            "target": self.target,
            "instructions": self.instructions,
            "macs": self.macs,
            **self.memory,
            **self.tools,
            "layers": [vars(layer) for layer in self.layers],
        }

    def rows(self) -> list[list[str]]:
        """A heading and a row for each layer that takes work."""
        found = [["layer", "op", "kernel", "MACs>", "instructions>", "share>", "a MAC>"]]
        for x in self.layers:
            if x.instructions:
                each = f"{x.instructions / x.macs:.2f}" if x.macs else ""
                share = f"{x.instructions / self.instructions:.1%}"
                found.append([x.name, x.op, x.kernel, f"{x.macs:,}", f"{x.instructions:,}", share, each])
        return found


def counted(artifact: Artifact, sample: Sample, layers: bool = True) -> Counted:
    """Count one run on ``sample``, arrays as the model takes them; without ``layers`` those have no counts, and it is
    quicker. Raises Error where a tool is missing."""
    arrays = [quantized(sample[p["name"]], p) for p in artifact.report["inputs"]]
    found = count(artifact, *arrays, layers=layers)
    by_layer = [
        LayerCount(x["name"], x["op"], x["kernel"], x["macs"], n)
        for x, n in zip(artifact.report["layers"], found.layers, strict=True)
    ]
    played = machine(artifact.target)
    tools = {
        "compiler": version(need_for(artifact.target)),
        "emulator": version([played.emulator]),
        "cpu": played.cpu,
    }
    memory = {f"{k}_bytes": artifact.report["artifact"][f"{k}_bytes"] for k in ("arena", "stack", "code", "weight")}
    return Counted(artifact.target, found.instructions, by_layer, memory, tools)
