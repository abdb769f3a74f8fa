"""``lissom tune``: which kernels are fastest here, once for all artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from lissom.cli import options
from lissom.cli.options import Shapes

if TYPE_CHECKING:
    from lissom.backends.c.times import Tuned
    from lissom.ir.graph import Graph


@click.command()
@options.model
@options.passes
@options.data
@options.shape
@click.option("--target", default="native", show_default=True, help="See: lissom show targets.")
@options.no_check
@options.repro
def tune(
    model: str,
    passes: str | None,
    data: str | None,
    shapes: Shapes,
    target: str,
    no_check: bool,
    repro: Path | None,
) -> None:
    """Time the kernels that could compute each layer of MODEL, after passes, by default fold.

    What is found is kept for each kernel, sizes of a layer, compiler and processor, in the folder $LISSOM_CACHE or the
    user's cache, and used by: lissom compile --tune. Ctrl-C loses nothing that was measured; the same command goes on.
    """
    from lissom.backends.c.host import resolve
    from lissom.cli.console import show
    from lissom.cli.model import read_model
    from lissom.cli.pipeline import run_passes

    target = resolve(target)
    source = read_model(model, shapes)
    pipeline = "fold" if passes is None else passes
    graph, _ = run_passes(pipeline, source, data=data, check=not no_check, repro=repro, target=target)
    tuned = tuned_for(graph, target, "float")
    show(f"{len(tuned.chosen)} kinds of calls for {target} are timed in {tuned.times.path}")


def tuned_for(graph: Graph, target: str, io: Literal["float", "int8"]) -> Tuned:
    """The measured choice of kernels for a graph, with a bar on stderr while there is something to measure."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from lissom.backends.c.tune import tune as measure

    columns = (TextColumn("timing kernels"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        return measure(graph, target, io=io, progress=lambda done, total: bar.update(task, completed=done, total=total))
