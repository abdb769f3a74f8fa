"""How sensitive a network is to removal from each group: output error and accuracy against the share removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.passes.data import Batch, Data
from lissom.passes.prune.decide import scores_of
from lissom.passes.prune.drop import output_error, outputs
from lissom.passes.prune.evidence import Evidence
from lissom.passes.prune.mask import mask_units
from lissom.passes.prune.recover import recover_weights
from lissom.passes.prune.select import Ladder, clusters, names_of
from lissom.passes.prune.solve import Solution, solve

RATIOS = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875)


@dataclass(frozen=True)
class Point:
    """One measurement: ``removed`` of a group's ``units`` masked, nothing else.

    ``error`` is the root mean square change of the outputs, relative to their deviation; ``accuracy`` is known where
    there are labels.
    """

    group: str
    units: int
    removed: int
    error: float
    accuracy: float | None

    @property
    def ratio(self) -> float:
        return self.removed / self.units


@dataclass
class Sensitivity:
    """The points of a scan, group by group. ``complete`` is False when it was interrupted."""

    points: list[Point] = field(default_factory=list)
    accuracy: float | None = None
    """Of the network as it is."""
    complete: bool = True

    @property
    def groups(self) -> dict[str, list[Point]]:
        """Points by group, in the order of the network."""
        found: dict[str, list[Point]] = {}
        for p in self.points:
            found.setdefault(p.group, []).append(p)
        return found

    def to_dict(self) -> dict[str, Any]:
        """For a JSON file."""
        return {
            "complete": self.complete,
            "accuracy": self.accuracy,
            "groups": [
                {
                    "name": name,
                    "units": points[0].units,
                    "points": [
                        {"removed": p.removed, "ratio": p.ratio, "error": p.error, "accuracy": p.accuracy}
                        for p in points
                    ],
                }
                for name, points in self.groups.items()
            ],
        }

    def rows(self) -> list[list[str]]:
        """A heading, and a row for each group: what is lost at each ratio that was asked for."""
        width = max((len(points) for points in self.groups.values()), default=0)
        table = [["group", "units", *(["removed: " + ("top-1" if self.accuracy is not None else "error")] * width)]]
        for name, points in self.groups.items():
            cells = [
                f"{p.ratio:.0%}: {p.error:.3f}" if p.accuracy is None else f"{p.ratio:.0%}: {p.accuracy:.1%}"
                for p in points
            ]
            table.append([name, str(points[0].units), *cells, *[""] * (width - len(cells))])
        return table


def scan(
    graph: Graph,
    data: Data,
    *,
    ratios: Sequence[float] = RATIOS,
    criterion: str = "l1",
    recover: bool = False,
    heads: bool = True,
    samples: int = 512,
    seed: int = 0,
    progress: Callable[[Point], None] | None = None,
) -> Sensitivity:
    """Mask every group alone at every ratio and measure. A keyboard interrupt ends the scan and keeps what there is.

    Raises Error for a graph without anything to remove, and for ratios that are none.
    """
    if not all(0 < r < 1 for r in ratios):
        raise Error(f"the ratios of a scan lie between 0 and 1, got {', '.join(f'{r:g}' for r in ratios)}")
    solution = solve(graph, heads=heads)
    found = clusters(solution)
    evidence = Evidence(graph, solution, data, samples, seed)
    scores = scores_of(evidence, criterion, found)
    ladders = [lad for lad in (c.ladder(scores) for c in found) if len(lad.rungs) > 1]
    if not ladders:
        raise Error(f"graph {graph.name!r} has no channels that could be removed; lissom explain says why")
    batches = evidence.batches(64)
    wanted = [outputs(graph, b) for b in batches]
    result = Sensitivity(accuracy=_accuracy(wanted, batches))
    try:
        for ladder in ladders:
            for rung in sorted({ladder.lowest(r) for r in ratios} - {0}):
                now = _masked(graph, solution, ladder, rung, data if recover else None, samples, seed)
                got = [outputs(now, b) for b in batches]
                name = next(
                    iter(names_of(solution, ladder.cluster.groups)), ladder.cluster.groups[0].places[0].const.name
                )
                point = Point(
                    name,
                    len(ladder.cluster.units),
                    len(ladder.rungs[rung]),
                    output_error(wanted, got),
                    _accuracy(got, batches),
                )
                result.points.append(point)
                if progress is not None:
                    progress(point)
    except KeyboardInterrupt:
        result.complete = False
    return result


def _masked(
    graph: Graph, solution: Solution, ladder: Ladder, rung: int, data: Data | None, samples: int, seed: int
) -> Graph:
    """A copy of the graph with one rung masked, the solution's graph left as it is."""
    copy, copies = graph.clone_with_map()
    twin = solve(copy, heads=solution.flow.heads)
    gone = np.zeros(solution.count, np.bool_)
    gone[ladder.rungs[rung]] = True
    now = mask_units(copy, twin, gone)
    if data is not None:
        stands = {v: now.get(c, c) for v, c in copies.items()}
        recover_weights(graph, copy, stands, data, samples=samples, seed=seed)
    return copy


def _accuracy(found: Sequence[Sequence[Any]], batches: Sequence[Batch]) -> float | None:
    """Top-1 by the first output; None without labels that fit it."""
    right = total = 0
    for got, batch in zip(found, batches, strict=True):
        labels = None if batch.labels is None else np.asarray(batch.labels)
        if labels is None or labels.dtype.kind not in "iu" or not got or len(got[0]) != len(labels):
            return None
        right += int((got[0].reshape(len(labels), -1).argmax(1) == labels).sum())
        total += len(labels)
    return right / total
