"""``lissom compile``: a model in, a folder of C out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from lissom.cli import options
from lissom.cli.options import Shapes

if TYPE_CHECKING:
    from lissom.ir.graph import Graph
    from lissom.ir.types import Array

VECTORS = 3
"""Samples of the data that go into the artifact's own test program."""


@click.command("compile")
@options.model
@click.option("-o", "out", required=True, type=click.Path(path_type=Path), help="The folder to write.")
@options.passes
@options.data
@options.shape
@options.target
@click.option("--name", help="What files, functions and macros are called after.  [default: model]")
@click.option(
    "--io",
    type=click.Choice(["float", "int8"]),
    default="float",
    help="int8 leaves quantizing inputs and dequantizing outputs to the caller.",
)
@click.option(
    "--optimize",
    type=click.Choice(["speed", "size"]),
    default="speed",
    help="size has layers share kernels instead of compiling one for each.",
)
@click.option(
    "--tune", "tuning", is_flag=True, help="Time kernels for each layer on this machine, as lissom tune does."
)
@click.option(
    "--package",
    type=click.Choice(["cmake", "arduino", "zephyr"]),
    default="cmake",
    help="What is around the C: a CMake project, an Arduino library or a Zephyr module.",
)
@click.option(
    "--threads",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Divide the work of a run among so many threads; with the same results.",
)
@click.option(
    "--plan",
    type=click.Choice(["heuristic", "exact"]),
    default="heuristic",
    help="exact looks for the smallest arena by integer programming, for up to 20 seconds.",
)
@click.option("--build", is_flag=True, help="Also compile it, with a cross compiler where the target needs one.")
@click.option("--ram", metavar="BYTES", help="Refuse a network whose arena and stack take more, such as 64K.")
@click.option("--flash", metavar="BYTES", help="Refuse a network whose code and weights take more, such as 256K.")
@options.no_check
@options.repro
@options.json_file
def compile_model(
    model: str,
    out: Path,
    passes: str | None,
    data: str | None,
    shapes: Shapes,
    target: str,
    name: str | None,
    io: Literal["float", "int8"],
    optimize: Literal["speed", "size"],
    tuning: bool,
    package: Literal["cmake", "arduino", "zephyr"],
    threads: int,
    plan: Literal["heuristic", "exact"],
    build: bool,
    ram: str | None,
    flash: str | None,
    no_check: bool,
    repro: Path | None,
    json_file: Path | None,
) -> None:
    """Run passes on MODEL, by default fold, and write the result as C that stands alone."""
    from lissom.backends.c import Artifact, emit
    from lissom.backends.c.budget import Budget, parse_size
    from lissom.backends.c.host import resolve
    from lissom.cli.accuracy import labelled_accuracy
    from lissom.cli.console import progress, show
    from lissom.cli.model import read_model
    from lissom.cli.pipeline import run_passes
    from lissom.cli.tune import tuned_for
    from lissom.cli.writing import write_json

    if tuning and optimize == "size":
        raise click.UsageError("--tune looks for speed; leave it out with --optimize size")
    target = resolve(target)
    budget = Budget(*(None if size is None else parse_size(size) for size in (ram, flash)))
    source = read_model(model, shapes)
    graph, table = run_passes(
        "fold" if passes is None else passes,
        source,
        data=data,
        check=not no_check,
        repro=repro,
        target=target,
    )
    extra: dict[str, Any] = {"passes": table.to_dict()}
    if data is not None and (accuracy := labelled_accuracy(source, graph, data)) is not None:
        extra["accuracy"] = accuracy
    tuned = tuned_for(graph, target, io) if tuning else None
    with progress(f"writing {out}"), one_file(model) as kept:
        report = emit(
            graph,
            out,
            target=target,
            name=name,
            io=io,
            optimize=optimize,
            tuned=tuned,
            budget=budget,
            package=package,
            threads=threads,
            plan=plan,
            source=kept,
            report=extra,
            vectors=None if data is None else vectors(graph, data),
        )
    if json_file is not None:
        write_json(json_file, report)
    if table.rows:
        show(table.table(), "")
    show(*summary(out, report))
    if build:
        with progress("building"):
            built = Artifact(out).build()
        show(f"built {built}")


def vectors(graph: Graph, data: str) -> list[list[Array]]:
    """The first samples of the data, for the artifact's test program."""
    from lissom.passes.data import Data

    return [[b.feed[i.name] for i in graph.inputs] for b in islice(Data(data, graph).batches(1), VECTORS)]


@contextmanager
def one_file(model: str) -> Iterator[Path]:
    """The model as a single file: itself, or a temporary one where its weights lie beside it."""
    import onnx
    from onnx.external_data_helper import load_external_data_for_model, uses_external_data

    proto = onnx.load(model, load_external_data=False)
    if not any(map(uses_external_data, proto.graph.initializer)):
        yield Path(model)
        return
    load_external_data_for_model(proto, str(Path(model).parent))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, Path(model).name)
        path.write_bytes(proto.SerializeToString(deterministic=True))
        yield path


def summary(out: Path, report: dict[str, Any]) -> Iterator[str]:
    """What one wants to know of an artifact, in a few lines."""
    artifact = report["artifact"]
    for what, key in [("weights", "weight_bytes"), ("code", "code_bytes"), ("stack", "stack_bytes")]:
        if artifact[key] is not None:
            yield f"{what:8}{artifact[key]:>12,} bytes"
    if threads := artifact.get("threads"):
        divided = sum("parts" in layer for layer in report["layers"])
        yield f"threads {threads:>12,} share {divided} of {len(report['layers'])} layers"
    arena, bound = artifact["arena_bytes"], artifact["arena_lower_bound"]
    over = f" ({arena / bound:.2f} of the lower bound)" if bound else ""
    yield f"{'arena':8}{arena:>12,} bytes{over}"
    if accuracy := report.get("accuracy"):
        yield (
            f"top-1   {accuracy['top1']:.2%} on {accuracy['samples']:,} samples of {accuracy['data']}, "
            f"source {accuracy['source_top1']:.2%}, agreement {accuracy['agreement']:.2%}"
        )
    yield f"wrote {out}"
