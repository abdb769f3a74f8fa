"""``lissom verify``: an artifact against the model it was made from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lissom.cli import options
from lissom.cli.accuracy import BATCH, Tally, compare
from lissom.cli.runners import Port, on_artifact, on_onnxruntime
from lissom.ir.errors import Error

if TYPE_CHECKING:
    from lissom.backends.c import Artifact
    from lissom.ir.graph import Graph
    from lissom.passes.data import Batch


@click.command()
@click.argument("out_dir", type=click.Path(path_type=Path))
@click.option("--data", required=True, metavar="NPZ", help="Samples, as for compile; labels y give the accuracy too.")
@options.json_file
def verify(out_dir: Path, data: str, json_file: Path | None) -> None:
    """Run the artifact in OUT_DIR and, under onnxruntime, the model it was made from, and compare the two.

    Says on how many samples their largest output is the same one (top-1 agreement), how far the outputs are apart and,
    where the data have labels, how often each is right.
    """
    from lissom.backends.c import Artifact
    from lissom.cli.console import progress, show
    from lissom.cli.writing import write_json
    from lissom.passes.data import Data

    with progress("building") as status:
        artifact = Artifact(out_dir)
        artifact.build()
        model = kept_source(artifact)
        loaded = Data(data, declared(model, artifact.report["inputs"]))

        def counted() -> Iterator[Batch]:
            done = 0
            for batch in loaded.batches(BATCH):
                yield batch
                done += batch.count
                status.update(f"comparing: {done:,} samples")

        tally = compare(on_onnxruntime(model), on_artifact(artifact), counted())
    if json_file is not None:
        write_json(json_file, tally.to_dict())
    show(*_lines(tally))


def kept_source(artifact: Artifact) -> Path:
    kept = artifact.report.get("source")
    if not kept or "file" not in kept:
        raise Error(f"{artifact.folder} keeps no source model to compare with; artifacts of lissom compile do")
    return artifact.folder / str(kept["file"])


def declared(model: Path, ports: list[Port]) -> Graph:
    """The source model with the input sizes the artifact was made for; a batch it left open stays open."""
    from lissom.ir.dims import parse_dim
    from lissom.ir.importers.onnx import load
    from lissom.ir.types import TensorType

    graph = load(model)
    for i, port in zip(graph.inputs, ports, strict=True):
        sizes = tuple(d if isinstance(d, int) else parse_dim(d) for d in port["declared"])
        graph.retype_input(i, TensorType(i.type.dtype, sizes))
    return graph


def _lines(tally: Tally) -> Iterator[str]:
    yield f"{tally.samples:,} samples; the artifact beside its source under onnxruntime:"
    yield f"top-1 agreement  {tally.agreement:.2%}"
    yield f"outputs differ by at most {tally.worst:.3g}; the largest is {tally.scale:.3g}"
    if tally.top1 is not None and tally.source_top1 is not None:
        yield f"accuracy         {tally.top1:.2%} (source {tally.source_top1:.2%})"
