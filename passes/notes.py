"""What passes did and what they declined to do, for ``explain``: kept only while somebody records.

Any pass may take notes; without a recorder around it they cost nothing and go nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from lissom.ir.op import Op


@dataclass(frozen=True)
class Note:
    """One thing that was done at an op, or declined; ``by`` is the rule or the step of the pass."""

    by: str
    op: str
    reason: str = ""


@dataclass
class Notes:
    """The notes of one pass. A refusal stands until the op changes: what was refused and later done is only done."""

    done: list[Note] = field(default_factory=list)
    _refused: dict[tuple[str, Op], Note] = field(default_factory=dict)

    @property
    def refused(self) -> list[Note]:
        """The refusals at ops that are still in their graph."""
        return [note for (_, op), note in self._refused.items() if op.graph is not None]


_current: ContextVar[Notes | None] = ContextVar("notes", default=None)


@contextmanager
def recording() -> Iterator[Notes]:
    """Collect the notes of the passes that run inside."""
    notes = Notes()
    token = _current.set(notes)
    try:
        yield notes
    finally:
        _current.reset(token)


def done(by: str, op: Op, what: str = "") -> None:
    """Note that ``op`` was rewritten, replaced or decided on."""
    if (notes := _current.get()) is not None:
        notes._refused.pop((by, op), None)
        notes.done.append(Note(by, op.describe(), what))


def refused(by: str, op: Op, reason: str) -> None:
    """Note why ``op`` was left as it is; the last reason counts."""
    if (notes := _current.get()) is not None:
        notes._refused[by, op] = Note(by, op.describe(), reason)


Tables: TypeAlias = dict[str, list[dict[str, Any]]]
"""Tables by name: rows, all of the same keys, whose values are texts, numbers and lists of texts."""

_tables: ContextVar[Tables | None] = ContextVar("tables", default=None)


@contextmanager
def collecting() -> Iterator[Tables]:
    """Collect the tables that the passes inside hand out."""
    tables: Tables = {}
    token = _tables.set(tables)
    try:
        yield tables
    finally:
        _tables.reset(token)


def table(name: str, rows: Callable[[], list[dict[str, Any]]]) -> None:
    """Hand out a table for the report; ``rows`` is called where somebody collects."""
    if (tables := _tables.get()) is not None:
        tables.setdefault(name, []).extend(rows())
