"""``lissom opt``: ONNX in, compressed ONNX out."""

from __future__ import annotations

from pathlib import Path

import click

from lissom.cli import options
from lissom.cli.options import Shapes


@click.command()
@options.model
@click.option(
    "-o", "out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The ONNX file to write."
)
@options.passes
@options.data
@options.shape
@options.no_check
@options.repro
@options.json_file
@click.option("--details", is_flag=True, help="Also show what passes have to tell, such as every group of channels.")
def opt(
    model: str,
    out: Path,
    passes: str | None,
    data: str | None,
    shapes: Shapes,
    no_check: bool,
    repro: Path | None,
    json_file: Path | None,
    details: bool,
) -> None:
    """Run passes on MODEL and write ONNX. Without --passes the model goes in and out unchanged."""
    from lissom.backends.onnx import save
    from lissom.cli.console import show
    from lissom.cli.model import read_model
    from lissom.cli.pipeline import run_passes
    from lissom.cli.writing import write_json

    graph = read_model(model, shapes)
    graph, report = run_passes(passes or "", graph, data=data, check=not no_check, repro=repro)
    out.parent.mkdir(parents=True, exist_ok=True)
    save(graph, out)
    if json_file is not None:
        write_json(json_file, {"schema": 1, "passes": report.to_dict()})
    if report.rows:
        show(report.table())
    if details:
        show("", report.details(), "")
    show(f"wrote {out}: {out.stat().st_size:,} bytes (source {Path(model).stat().st_size:,})")
