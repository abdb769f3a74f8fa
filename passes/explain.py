"""Tells for each pass of a pipeline what it rewrote and, where it could have, why it did not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lissom.ir.graph import Graph
from lissom.passes.data import Data, Source
from lissom.passes.graph_pass import Context
from lissom.passes.notes import Notes, Tables, collecting, recording
from lissom.passes.pipeline import Pipeline, steps_of
from lissom.passes.report import cells_of


@dataclass(frozen=True)
class Explanation:
    """The notes of each pass, in order."""

    passes: list[tuple[str, Notes, Tables]]

    def __str__(self) -> str:
        return "\n".join(line for entry in self.passes for line in _lines(*entry))


def explain(
    pipeline: Pipeline,
    graph: Graph,
    *,
    data: Source | Data | None = None,
    target: str | None = None,
    seed: int = 0,
) -> Explanation:
    """Run ``pipeline`` on a copy of ``graph``, without checks, and keep notes. Raises what the passes raise."""
    context = Context(None if data is None else Data(data, graph), target, seed, graph)
    now = graph.clone()
    passes = []
    for step in (inner for outer in steps_of(pipeline) for inner in outer.expand()):
        with recording() as notes, collecting() as tables:
            step.run(now, context)
        passes.append((str(step), notes, tables))
    return Explanation(passes)


def _lines(name: str, notes: Notes, tables: Tables) -> Iterator[str]:
    yield f"{name}: {len(notes.done)} done, {len(notes.refused)} left as they are"
    for note in notes.done:
        yield f"  done  {note.by}: {note.op}" + (f": {note.reason}" if note.reason else "")
    for note in notes.refused:
        yield f"  left  {note.by}: {note.op}: {note.reason}"
    for title, rows in tables.items():
        yield f"  {title}:"
        for row in rows:
            yield "    " + "; ".join(f"{key} {text}" for key, text in zip(row, cells_of(row), strict=True) if text)
