"""How far a pass that takes long has come: shown where somebody watches, and silent otherwise."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Advance = Callable[[int, str], None]
"""Called with the number of steps done, and the figures to show."""

_watcher: ContextVar[Callable[[str], None] | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(by: Callable[[str], None]) -> Iterator[None]:
    """Hand what passes inside have to say to ``by``, which has a display of its own."""
    token = _watcher.set(by)
    try:
        yield
    finally:
        _watcher.reset(token)


@contextmanager
def bar(what: str, total: int, show: bool | None = None) -> Iterator[Advance]:
    """A progress bar of ``total`` steps on stderr: with ``show`` always, with None where that is a terminal.

    Under :func:`watched` the watcher gets the same as text.
    """
    if (watcher := _watcher.get()) is not None:
        yield lambda done, figures: watcher(f"{what} {done / max(total, 1):.0%} {figures}")
    elif show or (show is None and sys.stderr.isatty()):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[figures]}"))
        with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True, markup=False)) as shown:
            task = shown.add_task(what, total=total, figures="")
            yield lambda done, figures: shown.update(task, completed=done, figures=figures)
    else:
        yield lambda done, figures: None
