"""``lissom compare``: several pipelines on one model, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lissom.cli import options
from lissom.cli.options import Shapes

if TYPE_CHECKING:
    from lissom.cli.comparison import Measurement

PLAIN = "fold"
"""What every comparison begins with: the model itself, as C."""


@click.command()
@options.model
@click.option(
    "--passes",
    "pipelines",
    metavar="PIPELINE",
    multiple=True,
    required=True,
    help="A pipeline to compare; may be given several times.",
)
@click.option("--data", required=True, metavar="NPZ", help="Samples for the passes: see lissom compile.")
@click.option("--test", metavar="NPZ", help="Samples to measure on, with labels y for accuracy.  [default: --data]")
@click.option("-o", "out", required=True, type=click.Path(file_okay=False, path_type=Path), help="The folder to write.")
@options.target
@options.shape
@click.option("--seed", default=0, show_default=True, help="What passes draw by.")
@click.option("--format", "suffix", type=click.Choice(["svg", "png"]), default="svg", help="Of the plot.")
def compare(
    model: str,
    pipelines: tuple[str, ...],
    data: str,
    test: str | None,
    out: Path,
    target: str,
    shapes: Shapes,
    seed: int,
    suffix: str,
) -> None:
    """Run pipelines on MODEL, each by itself, and measure what comes out, as C and under onnxruntime.

    DIR gets an ONNX file and an artifact for each pipeline, comparison.json and a plot. What is there already, of the
    same model, data and pipeline, is not done again; a pipeline that fails says why, and the others go on.
    """
    from lissom.cli.comparison import Comparison
    from lissom.cli.console import show, show_table
    from lissom.cli.model import read_model
    from lissom.cli.pareto import plot
    from lissom.ir.errors import Error
    from lissom.passes.pipeline import steps_of

    for pipeline in pipelines:
        steps_of(pipeline)  # what cannot be read is refused before anything runs
    comparison = Comparison(read_model(model, shapes), Path(model), data, test or data, target, seed, out)
    rows = [comparison.measured(p) for p in dict.fromkeys((PLAIN, *pipelines))]
    comparison.write(rows)
    show_table(HEADINGS, [cells(r) for r in rows])
    labelled = comparison.labelled
    show(
        "",
        *(f"{r.passes} failed: {r.error}" for r in rows if r.error is not None),
        f"{'accuracy' if labelled else 'agreement with the model'} on {comparison.samples:,} samples; times are for "
        f"one sample on one thread, C for {target}",
    )
    if (picture := plot(rows, out / f"comparison.{suffix}", Path(model).name, labelled)) is None:
        show("no plot, for which matplotlib is needed: pip install 'lissom[plot]'")
    show(f"wrote {picture or out / 'comparison.json'}")
    if not any(r.error is None for r in rows[1:]):
        raise Error(f"no pipeline came to an end; {out / 'comparison.json'} says why")


HEADINGS = ("passes", "top-1>", "agrees>", "bytes>", "MACs>", "ms in C>", "ms onnxruntime>", "seconds>")


def cells(row: Measurement) -> tuple[str, ...]:
    """The row as the table shows it."""
    from lissom.cli.console import number

    if row.error is not None:
        return (row.passes, *[""] * 6, "failed")
    return (
        row.passes,
        "" if row.top1 is None else f"{row.top1:.2%}",
        f"{row.agreement:.2%}",
        number(row.bytes),
        number(row.macs),
        f"{row.ms:.3f}",
        "" if row.ms_onnxruntime is None else f"{row.ms_onnxruntime:.3f}",
        f"{row.seconds:.1f}",
    )
