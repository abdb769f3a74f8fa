"""Top-1 accuracy and agreement of two versions of a classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lissom.ir.graph import Graph
    from lissom.ir.types import Array
    from lissom.passes.data import Batch

BATCH = 64
Run = Callable[["Batch"], "list[Array]"]


@dataclass
class Tally:
    """Counts over batches. ``top1`` of a version is known where labels were given."""

    samples: int = 0
    agree: int = 0
    labelled: int = 0
    right: int = 0
    source_right: int = 0
    worst: float = 0.0
    """The largest difference of two elements of the first outputs."""
    scale: float = 0.0
    """The largest element of the source's first output."""

    @property
    def agreement(self) -> float:
        return self.agree / self.samples

    @property
    def top1(self) -> float | None:
        return self.right / self.labelled if self.labelled else None

    @property
    def source_top1(self) -> float | None:
        return self.source_right / self.labelled if self.labelled else None

    def to_dict(self) -> dict[str, Any]:
        """What ``report.json`` and ``--json`` hold."""
        return {
            "samples": self.samples,
            "top1": self.top1,
            "source_top1": self.source_top1,
            "agreement": self.agreement,
            "max_difference": self.worst,
            "max_value": self.scale,
        }


def compare(source: Run, result: Run, batches: Iterable[Batch]) -> Tally:
    """Run both on every batch. The class of a sample is the largest element of its row of the first output."""
    import numpy as np

    tally = Tally()
    for batch in batches:
        expected, got = (np.asarray(run(batch)[0], np.float64)[: batch.count] for run in (source, result))
        rows = batch.count if expected.ndim and len(expected) == batch.count else 1
        wanted, found = (a.reshape(rows, -1).argmax(1) for a in (expected, got))
        tally.samples += rows
        tally.agree += int((wanted == found).sum())
        tally.worst = max(tally.worst, float(np.abs(expected - got).max(initial=0)))
        tally.scale = max(tally.scale, float(np.abs(expected).max(initial=0)))
        if batch.labels is not None and len(batch.labels) == rows:
            tally.labelled += rows
            tally.right += int((found == batch.labels).sum())
            tally.source_right += int((wanted == batch.labels).sum())
    return tally


def labelled_accuracy(source: Graph, result: Graph, data: str) -> dict[str, Any] | None:
    """Accuracy before and after the passes, by the interpreter; None where the data have no labels."""
    from lissom.cli.console import progress
    from lissom.ir.interpreter import evaluate
    from lissom.passes.data import Data

    loaded = Data(data, source)
    if loaded.first(1).labels is None:
        return None

    def runner(graph: Graph) -> Run:
        return lambda batch: evaluate(graph, *(batch.feed[i.name] for i in graph.inputs))

    with progress(f"measuring accuracy on {data}"):
        tally = compare(runner(source), runner(result), loaded.batches(BATCH))
    return {"data": Path(data).name, **tally.to_dict()}
