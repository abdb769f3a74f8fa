"""What commands print: tables on stdout, progress on stderr where somebody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.status import Status


def console() -> Console:
    """Standard output. In a file or pipe lines are not broken."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 10_000
    return Console(markup=False, highlight=False, emoji=False, width=width)


def show(*parts: RenderableType) -> None:
    """Print texts and tables."""
    out = console()
    for part in parts:
        out.print(part)


def show_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; a heading that ends in ``>`` has its column flush right."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading.rstrip(">"), justify="right" if heading.endswith(">") else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(str, row))
    show(table)


@contextmanager
def progress(what: str) -> Iterator[Status]:
    """A line on stderr that says what is being done, while it is: ``status.update(text)`` changes it."""
    from rich.console import Console

    with Console(stderr=True, markup=False, highlight=False).status(what) as status:
        yield status


def number(n: int) -> str:
    """``1234567`` as ``1,234,567``."""
    return f"{n:,}"
