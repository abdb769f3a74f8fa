"""``lissom verify``: an artifact against the model it was made from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lissom.cli import options
from lissom.cli.accuracy import Run, Tally, compare
from lissom.ir.errors import Error

if TYPE_CHECKING:
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
    from lissom.ir.importers.onnx import load
    from lissom.passes.data import Data

    with progress("building") as status:
        artifact = Artifact(out_dir)
        kept = artifact.report.get("source")
        if not kept or "file" not in kept:
            raise Error(f"{out_dir} holds no source model to compare with; lissom compile writes artifacts that do")
        model = out_dir / kept["file"]
        graph = load(model)
        for i, port in zip(graph.inputs, artifact.inputs, strict=True):
            graph.retype_input(i, port.type)

        def counted() -> Iterator[Batch]:
            done = 0
            for batch in Data(data, graph).batches():
                yield batch
                done += batch.count
                status.update(f"comparing: {done} samples")

        tally = compare(_onnxruntime(model), lambda b: artifact.run(*b.feed.values()), counted())
    if json_file is not None:
        write_json(json_file, tally.to_dict())
    show(*_lines(tally))


def _onnxruntime(model: Path) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as e:  # its exceptions have no common base
        raise Error(f"onnxruntime cannot run the source model {model}: {e}") from e
    return lambda batch: session.run(None, batch.feed)


def _lines(tally: Tally) -> Iterator[str]:
    yield f"{tally.samples:,} samples; the artifact beside its source under onnxruntime:"
    yield f"top-1 agreement  {tally.agreement:.2%}"
    yield f"outputs differ by at most {tally.worst:.3g}; the largest is {tally.scale:.3g}"
    if tally.top1 is not None and tally.source_top1 is not None:
        yield f"accuracy         {tally.top1:.2%} (source {tally.source_top1:.2%})"
