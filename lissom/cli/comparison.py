"""What ``lissom compare`` measures of a pipeline, and keeps, so that it is done once."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lissom import __version__
from lissom.cli.accuracy import BATCH, compare
from lissom.cli.console import progress
from lissom.cli.pipeline import run_passes
from lissom.cli.runners import on_artifact, on_onnxruntime, session
from lissom.cli.writing import write_json
from lissom.ir.errors import Error

if TYPE_CHECKING:
    from lissom.ir.graph import Graph
    from lissom.passes.data import Batch, Data

TIMED = 0.3
"""Seconds over which the time of a run is taken, at least."""


@dataclass(frozen=True)
class Measurement:
    """A pipeline and what came of it. ``error`` says why nothing did; then the figures mean nothing.

    ``ms`` are milliseconds of the C code for one sample, ``ms_onnxruntime`` those of the same graph as ONNX under
    onnxruntime, None where it does not run it. ``seconds`` are those the passes took.
    """

    passes: str
    top1: float | None = None
    agreement: float = 0.0
    samples: int = 0
    bytes: int = 0
    macs: int = 0
    ms: float = 0.0
    ms_onnxruntime: float | None = None
    seconds: float = 0.0
    error: str | None = None


class Comparison:
    """Pipelines on one model, measured on ``test``; what is found is kept in ``out``."""

    def __init__(self, graph: Graph, model: Path, data: str, test: str, target: str, seed: int, out: Path) -> None:
        self.graph, self.model, self.data, self.test = graph, model, data, test
        self.target, self.seed, self.out = target, seed, out
        out.mkdir(parents=True, exist_ok=True)

    def measured(self, pipeline: str) -> Measurement:
        """What is kept of the pipeline, or what a run of it gives; one that fails is tried again the next time."""
        name = self._name(pipeline)
        record = self.out / f"{name}.json"
        if record.exists():
            return Measurement(**json.loads(record.read_text(encoding="utf-8")))
        try:
            found = self._measure(pipeline, name)
        except Exception as e:
            # Anything may go wrong in a pass; the other pipelines go on.
            return Measurement(pipeline, error=str(e) if isinstance(e, Error) else f"{type(e).__name__}: {e}")
        write_json(record, asdict(found))
        return found

    def write(self, rows: list[Measurement]) -> None:
        """All rows, as ``comparison.json``."""
        content = {"model": self.model.name, "target": self.target, "seed": self.seed, "rows": [*map(asdict, rows)]}
        write_json(self.out / "comparison.json", content)

    @cached_property
    def labelled(self) -> bool:
        """Whether the samples to measure on have labels."""
        return self._samples().first(1).labels is not None

    @cached_property
    def samples(self) -> int:
        """How many samples there are to measure on."""
        return sum(batch.count for batch in self._samples().batches(BATCH))

    def _measure(self, pipeline: str, name: str) -> Measurement:
        from lissom.backends.c import Artifact, emit
        from lissom.backends.onnx import save
        from lissom.passes.report import Size

        began = time.perf_counter()
        graph, _ = run_passes(
            pipeline, self.graph, data=self.data, check=True, repro=None, target=self.target, seed=self.seed
        )
        seconds = time.perf_counter() - began
        path, folder = self.out / f"{name}.onnx", self.out / name
        save(graph, path)
        with progress(f"measuring {pipeline}"):
            facts = emit(graph, folder, target=self.target, name="model")["artifact"]
            artifact = Artifact(folder)
            data = self._samples()
            tally = compare(on_onnxruntime(self.model), on_artifact(artifact), data.batches(BATCH))
            (one,) = (b.feed for b in [data.first(1)])
            ms = 1e3 * artifact.time(*(one[i.name] for i in graph.inputs), at_least=TIMED)
            try:
                peer = 1e3 * _fastest(path, data.first(1))
            except Error:
                peer = None
        macs = Size.of(graph).macs
        return Measurement(
            pipeline, tally.top1, tally.agreement, tally.samples, facts["weight_bytes"], macs, ms, peer, seconds
        )

    def _samples(self) -> Data:
        from lissom.passes.data import Data

        return Data(self.test, self.graph)

    def _name(self, pipeline: str) -> str:
        """A name for the files of a pipeline: a hash of all that its figures depend on."""
        hashed = hashlib.blake2b(f"{__version__} {self.target} {self.seed} {pipeline}".encode(), digest_size=6)
        hashed.update(str([i.type for i in self.graph.inputs]).encode())
        for source in (str(self.model), self.data, self.test):
            hashed.update(Path(source).read_bytes() if Path(source).is_file() else source.encode())
        return hashed.hexdigest()


def _fastest(model: Path, batch: Batch) -> float:
    """Seconds that onnxruntime takes for a batch: the best of several runs. Raises Error where it cannot run it."""
    ready = session(model)

    def times() -> Iterator[float]:
        end = time.perf_counter() + TIMED
        while (began := time.perf_counter()) < end:
            ready.run(None, batch.feed)
            yield time.perf_counter() - began

    return min(times())
