"""``lissom explain``: what each pass did, and why it left alone what it left alone."""

from __future__ import annotations

import click

from lissom.cli import options
from lissom.cli.options import Shapes


@click.command()
@options.model
@click.option("--passes", required=True, metavar="PIPELINE", help='Such as "fold, quantize(int8)".')
@options.data
@options.shape
@options.target
def explain(model: str, passes: str, data: str | None, shapes: Shapes, target: str) -> None:
    """Say for each pass what it rewrote in MODEL and, where it could have, why it did not."""
    from lissom.cli.console import progress, show
    from lissom.cli.model import read_model
    from lissom.clock import c_clock
    from lissom.passes.explain import explain as explain_passes

    graph = read_model(model, shapes)
    with progress(f"running {passes}"):
        explanation = explain_passes(passes, graph, data=data, target=target, clock=c_clock(target))
    show(str(explanation))
