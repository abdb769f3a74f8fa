"""Tells for each pass of a pipeline what it rewrote and, where it could have, why it did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lissom.ir.graph import Graph
from lissom.passes.data import Data, Source
from lissom.passes.graph_pass import Context
from lissom.passes.notes import Notes, Tables, collecting, recording
from lissom.passes.pipeline import Pipeline, steps_of
from lissom.passes.report import aligned, cells_of

MANY = 8
"""Ops that a rule rewrote, without more to say of them, are counted from here on."""
WIDE = 48
"""A table with longer cells is no table to look at: its rows are written out."""


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
    clock: Callable[[Graph], float] | None = None,
) -> Explanation:
    """Run ``pipeline`` on a copy of ``graph``, without checks, and keep notes. Raises what the passes raise.

    ``clock`` and the other arguments are those of :func:`lissom.passes.runner.run`.
    """
    context = Context(None if data is None else Data(data, graph), target, seed, graph, clock)
    now = graph.clone()
    passes = []
    for step in (inner for outer in steps_of(pipeline) for inner in outer.expand()):
        with recording() as notes, collecting() as tables:
            step.run(now, context)
        passes.append((str(step), notes, tables))
    return Explanation(passes)


def _lines(name: str, notes: Notes, tables: Tables) -> Iterator[str]:
    yield f"{name}: {len(notes.done)} done, {len(notes.refused)} left as they are"
    plain = Counter(note.by for note in notes.done if not note.reason)
    counted = dict.fromkeys(by for by, count in plain.items() if count >= MANY)
    for note in notes.done:
        if note.reason or note.by not in counted:
            yield f"  done  {note.by}: {note.op}" + (f": {note.reason}" if note.reason else "")
    for by in counted:
        yield f"  done  {by}: {plain[by]} ops"
    for note in notes.refused:
        yield f"  left  {note.by}: {note.op}: {note.reason}"
    for title, rows in tables.items():
        if not rows:
            continue
        yield f"  {title}:"
        cells = [cells_of(row) for row in rows]
        if all(row.keys() == rows[0].keys() for row in rows) and all(len(t) <= WIDE for line in cells for t in line):
            yield from (f"    {line}" for line in aligned([list(rows[0]), *cells]))
            continue
        for row, texts in zip(rows, cells, strict=True):
            yield "    " + "; ".join(f"{key} {text}" for key, text in zip(row, texts, strict=True) if text)
