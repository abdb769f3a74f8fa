"""``lissom sensitivity``: how much each group of channels matters."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lissom.cli import options
from lissom.cli.options import Shapes


def _ratios(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[float, ...] | None:
    try:
        return None if value is None else tuple(float(v) for v in value.split(","))
    except ValueError as e:
        raise click.BadParameter(f"{value!r}; ratios look like 0.25,0.5,0.75", ctx, param) from e


@click.command()
@options.model
@click.option("--data", required=True, metavar="NPZ", help="Samples to measure on, with labels y for accuracy.")
@click.option(
    "-o",
    "out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write: .svg for a plot, .json for the figures.",
)
@click.option("--ratios", callback=_ratios, help="Shares of a group to mask.  [default: 0.125 to 0.875]")
@click.option("--criterion", default="l1", show_default=True, help="Which units go first: see docs/pruning.md.")
@click.option("--recover", is_flag=True, help="Solve the weights behind again before measuring.")
@click.option("--samples", default=512, show_default=True, help="How many samples to use.")
@options.shape
def sensitivity(
    model: str,
    data: str,
    out: Path,
    ratios: tuple[float, ...] | None,
    criterion: str,
    recover: bool,
    samples: int,
    shapes: Shapes,
) -> None:
    """Mask each group of channels of MODEL alone, more and more of it, and measure what that does.

    Ctrl-C ends the scan early; what was measured is written.
    """
    from lissom.cli.console import progress, show, show_table
    from lissom.cli.model import read_model
    from lissom.cli.writing import replacing
    from lissom.ir.errors import Error
    from lissom.passes.data import Data
    from lissom.passes.fold import fold
    from lissom.passes.prune.criteria import CRITERIA
    from lissom.passes.prune.plot import svg
    from lissom.passes.prune.sensitivity import RATIOS, Point, scan

    if out.suffix not in (".svg", ".json"):
        raise Error(f"-o {out}: a scan is written as .svg or .json")
    if criterion not in CRITERIA:
        raise Error(f"no criterion is called {criterion!r}; there are: {', '.join(CRITERIA)}")
    graph = read_model(model, shapes)
    fold(graph)
    with progress("scanning") as status:

        def measured(p: Point) -> None:
            status.update(f"scanning: {p.group}, {p.removed} of {p.units} removed: error {p.error:.3f}")

        result = scan(
            graph,
            Data(data, graph),
            ratios=ratios or RATIOS,
            criterion=criterion,
            recover=recover,
            samples=samples,
            progress=measured,
        )
    with replacing(out) as aside:
        title = f"{Path(model).name}: {criterion}{', recovered' if recover else ''}"
        aside.write_text(svg(result, title) if out.suffix == ".svg" else json.dumps(result.to_dict(), indent=2) + "\n")
    headings, *rows = result.rows()
    show_table(headings, rows)
    show(f"wrote {out}" + ("" if result.complete else "; interrupted: not all groups were measured"))
