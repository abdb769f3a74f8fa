"""A whole race from a contest: entrants, the oracle, the layers of the artifact, and what was found."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from lissom.backends.c.artifact import Artifact
from lissom.backends.c.profile import layer_times
from lissom.bench.ceiling import cpu_name, peak
from lissom.bench.prepare import Contest, entrants
from lissom.bench.race import Lane, Sample, race
from lissom.ir.errors import Error
from lissom.ir.types import Array
from lissom.kernels.table import TARGETS


@dataclass(frozen=True)
class LayerTime:
    """One layer of the artifact on the clock."""

    name: str
    op: str
    kernel: str
    macs: int
    seconds: float
    of_peak: float | None
    """Its multiply-accumulates a second over those of the level's peak; None without either."""


@dataclass
class Result:
    """What a race found."""

    target: str
    int8: bool
    macs: int
    lanes: list[Lane]
    layers: list[LayerTime] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    versions: Mapping[str, str] = field(default_factory=dict)
    clock: str = "wall"
    """Whose time: that on the wall, or of the ``processor``."""
    load: tuple[float, float] = (0.0, 0.0)
    """The machine's load average before and after; far above 1, times are of a busy machine."""

    @property
    def ours(self) -> Lane | None:
        return next((lane for lane in self.lanes if lane.entrant.engine == "lissom" and not lane.why), None)

    @property
    def peers(self) -> list[Lane]:
        """Peers that compute the model: at least 10 dB over the noise, or hardly worse than the artifact."""
        bound = 10.0 if self.ours is None or self.ours.sqnr is None else min(10.0, self.ours.sqnr - 3)
        done = [x for x in self.lanes if not x.why and x.entrant.engine != "lissom" and not x.entrant.same_as]
        return [x for x in done if x.sqnr is not None and x.sqnr >= bound]

    @property
    def best(self) -> Lane | None:
        """The fastest peer, with as many threads as ours."""
        threads = 1 if self.ours is None else self.ours.entrant.threads
        rivals = [x for x in self.peers if x.entrant.threads == threads]
        return min(rivals, key=lambda lane: lane.median, default=None)

    @property
    def noise(self) -> float:
        """By how much two runs of one engine differ, the largest there is."""
        done = {lane.entrant.label: lane for lane in self.lanes if not lane.why}
        pairs = [(done[x.entrant.same_as], x) for x in done.values() if x.entrant.same_as in done]
        return max((max(a.median, b.median) / min(a.median, b.median) - 1 for a, b in pairs), default=0.0)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON has it; times in seconds."""
        ours, best = self.ours, self.best
        return {
            "schema": 1,
            "date": date.today().isoformat(),
            "cpu": cpu_name(),
            "load_average": list(self.load),
            "versions": dict(self.versions),
            "target": self.target,
            "numbers": "int8" if self.int8 else "float",
            "clock": self.clock,
            "macs": self.macs,
            "lanes": [lane.to_dict() for lane in self.lanes],
            "best_peer": best and best.entrant.label,
            "ratio": ours.median / best.median if ours and best else None,
            "ratio_of_minima": ours.least / min(p.least for p in self.peers) if ours and best else None,
            "noise": self.noise,
            "layers": [vars(layer) for layer in self.layers],
            "notes": self.notes,
        }

    def rows(self) -> list[list[str]]:
        """A heading and a row for each engine, fastest first; ``ratio`` is our median over its."""
        found = [["engine", "median ms>", "iqr>", "min ms>", "ratio>", "SQNR dB>", "top-1 agrees>"]]
        done = sorted((lane for lane in self.lanes if not lane.why), key=lambda lane: lane.median)
        for lane in done:
            ratio = f"{self.ours.median / lane.median:.2f}" if self.ours else ""
            sqnr = "" if lane.sqnr is None else "exact" if lane.sqnr > 140 else f"{lane.sqnr:.1f}"
            agrees = "" if lane.agreement is None else f"{lane.agreement:.0%}"
            times = [milliseconds(lane.median), f"{lane.spread:.0%}", milliseconds(lane.least)]
            found.append([lane.entrant.label, *times, ratio, sqnr, agrees])
        return found

    def layer_rows(self) -> list[list[str]]:
        """A heading and a row for each layer that takes time."""
        total = sum(layer.seconds for layer in self.layers) or 1.0
        found = [["layer", "op", "kernel", "MACs>", "us>", "share>", "of peak>"]]
        for x in self.layers:
            if x.seconds:
                part = "" if x.of_peak is None else f"{x.of_peak:.0%}"
                times = [f"{1e6 * x.seconds:.2f}", f"{x.seconds / total:.0%}", part]
                found.append([x.name, x.op, x.kernel, f"{x.macs:,}", *times])
        return found

    def verdict(self) -> list[str]:
        """The outcome in words."""
        lines = [f"{x.entrant.label} did not run: {x.why}" for x in self.lanes if x.why]
        if self.ours and self.best:
            ratio = self.ours.median / self.best.median
            lines.append(f"{ratio:.2f} of the time of the best peer, {self.best.entrant.label}")
        for x in self.lanes:
            if (
                self.ours
                and x.entrant.engine == "lissom"
                and not x.why
                and x.entrant.threads != self.ours.entrant.threads
            ):
                lines.append(
                    f"{x.entrant.label}: {x.median / self.ours.median:.2f} of the time of {self.ours.entrant.label}"
                )
        lines.append(f"two runs of one engine differ by up to {self.noise:.0%}")
        if max(self.load) > 1.5:
            lines.append(f"the machine was busy: load average {self.load[0]:.1f} to {self.load[1]:.1f}")
        return [*lines, *self.notes]


def milliseconds(seconds: float) -> str:
    """Four digits that matter."""
    return f"{1e3 * seconds:.4g}"


def measure(
    contest: Contest,
    samples: Sequence[Sample],
    *,
    rounds: int = 12,
    core: int | None = None,
    cpu: bool = False,
    layers: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> Result:
    """Race a contest on ``samples``, the first of which is timed. Raises what making the entrants raises."""
    before = os.getloadavg()[0]
    runners = entrants(contest, progress)
    expected = oracle(contest, samples)
    lanes = race(runners, samples, expected, rounds=rounds, core=core, cpu=cpu, progress=progress)
    first = next(iter(contest.artifacts.values()), None)
    target = "none" if first is None else str(Artifact(first).report["target"])
    versions = {name: v for p in contest.found.values() for name, v in p.versions.items()}
    result = Result(target, contest.int8, contest.source.cost().macs, lanes, versions=versions)
    result.notes, result.clock = contest.notes, "processor" if cpu else "wall"
    if layers and first is not None:
        progress("timing layers")
        result.layers = layers_of(Artifact(first), samples[0])
    result.load = before, os.getloadavg()[0]
    return result


def oracle(contest: Contest, samples: Sequence[Sample]) -> list[list[Array]]:
    """What the float model computes, by onnxruntime, of each sample."""
    import onnxruntime

    import lissom as ls

    path = contest.folder / "source.onnx"
    if not path.exists():
        ls.save(contest.source, path)
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    settings.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
        return [session.run(None, dict(s)) for s in samples]
    except Exception as e:  # its exceptions have no common base
        raise Error(f"onnxruntime cannot run the float model, which outputs are compared with: {e}") from e


def layers_of(artifact: Artifact, sample: Sample) -> list[LayerTime]:
    """The artifact's layers, each with the fraction of its level's peak."""
    level = TARGETS.get(artifact.report["target"], ("portable",))[0]
    times = layer_times(artifact, *(sample[p["name"]] for p in artifact.report["inputs"]))
    found = []
    for layer, seconds in zip(artifact.report["layers"], times, strict=True):
        top = peak(level, int8="q8" in layer["kernel"]) if layer["macs"] and seconds else None
        part = layer["macs"] / seconds / top if top else None
        found.append(LayerTime(layer["name"], layer["op"], layer["kernel"], layer["macs"], seconds, part))
    return found
