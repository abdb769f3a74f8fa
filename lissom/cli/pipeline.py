"""Runs the passes of ``--passes``, showing which is at work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lissom.cli.console import progress

if TYPE_CHECKING:
    from lissom.ir.graph import Graph
    from lissom.passes.report import Report, Row


def run_passes(
    pipeline: str,
    graph: Graph,
    *,
    data: str | None,
    check: bool,
    repro: Path | None,
    target: str | None = None,
    seed: int = 0,
) -> tuple[Graph, Report]:
    """The graph the pipeline makes of ``graph``, and the table."""
    from lissom.clock import c_clock
    from lissom.passes.progress import watched
    from lissom.passes.runner import run

    with (
        progress(f"running {pipeline}" if pipeline else "reading the model") as status,
        watched(lambda text: status.update(f"running {pipeline}: {text}")),
    ):

        def passed(row: Row) -> None:
            status.update(f"running {pipeline}: {row.name} took {row.seconds:.1f} s")

        return run(
            pipeline,
            graph,
            data=data,
            report=True,
            check=check,
            repro_dir=repro,
            target=target,
            seed=seed,
            progress=passed,
            clock=c_clock(target),
        )
