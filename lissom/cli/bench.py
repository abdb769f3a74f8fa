"""``lissom bench``: an artifact beside other engines."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from lissom.cli import options
from lissom.cli.options import Shapes

if TYPE_CHECKING:
    from lissom.bench.prepare import Contest
    from lissom.bench.race import Sample
    from lissom.ir.graph import Graph

SAMPLES = 16
"""Samples that quantizers of peers calibrate on; outputs are compared on the first half of them."""


def _names(ctx: click.Context, param: click.Parameter, value: str) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()]


def _counts(ctx: click.Context, param: click.Parameter, value: str) -> list[int]:
    counts = [int(n) if n.isdecimal() else 0 for n in _names(ctx, param, value)]
    if not counts or min(counts) < 1 or len(set(counts)) < len(counts):
        raise click.BadParameter(f"{value!r} is no number of threads, nor several such as 1,2")
    return counts


@click.command()
@click.argument("what", metavar="MODEL|OUT_DIR")
@options.passes
@options.data
@options.shape
@options.target
@click.option(
    "--against",
    default="onnxruntime,openvino,litert,ncnn",
    show_default=True,
    callback=_names,
    help="Engines; those that are not installed are named, with what installs them.",
)
@click.option(
    "--peer-python",
    "pythons",
    multiple=True,
    metavar="PATH",
    help="A Python that has engines, as of a virtual environment; several are asked in turn.  [default: this]",
)
@click.option("--tflite", multiple=True, type=click.Path(exists=True, path_type=Path), help="A model for litert.")
@click.option("--isa", metavar="LEVEL", help="Hold peers to an instruction set, as far as each allows it.")
@click.option("--rounds", default=12, show_default=True, type=click.IntRange(1), help="Turns each engine takes.")
@click.option("--core", type=int, help="The core all engines are pinned to.  [default: the last one]")
@click.option(
    "--threads",
    default="1",
    show_default=True,
    callback=_counts,
    help="How many threads all have, such as 2; or several numbers, such as 1,2, which all take part with in turn.",
)
@click.option("--cpu-time", is_flag=True, help="Count processor time, for a machine that is busy with other things.")
@click.option("--layers", is_flag=True, help="Also time each layer, beside the peak of the instruction set.")
@click.option(
    "--instructions",
    is_flag=True,
    help="Instead, count the instructions of one inference under an emulator; for Arm targets.",
)
@click.option(
    "--io",
    type=click.Choice(["float", "int8"]),
    default="int8",
    show_default=True,
    help="With --instructions: whether an int8 network quantizes inputs and dequantizes outputs itself.",
)
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Also write a picture, as SVG.")
@options.json_file
def bench(
    what: str,
    passes: str | None,
    data: str | None,
    shapes: Shapes,
    target: str,
    against: list[str],
    pythons: tuple[str, ...],
    tflite: tuple[Path, ...],
    isa: str | None,
    rounds: int,
    core: int | None,
    threads: list[int],
    cpu_time: bool,
    layers: bool,
    instructions: bool,
    io: Literal["float", "int8"],
    plot: Path | None,
    json_file: Path | None,
) -> None:
    """Time an artifact beside other engines: one run, one thread, one core, taking turns in shuffled order. With
    --threads there are as many cores as threads; an OUT_DIR has the threads that it was compiled for.

    MODEL is compiled for --target after --passes, by default fold; OUT_DIR is an artifact of lissom compile. An int8
    artifact is raced against int8 and float of every engine. What each engine computes is compared with the float
    model under onnxruntime. With --instructions nothing is timed and no other engine runs.
    """
    from lissom.bench.measure import measure
    from lissom.bench.peers import CONVERTERS, ONEDNN_LEVELS, find, python_with, pythons_of
    from lissom.bench.plot import svg
    from lissom.cli.console import progress, show, show_table
    from lissom.cli.writing import replacing, write_json
    from lissom.ir.errors import Error

    if instructions:
        if layers or cpu_time or plot is not None or isa is not None:
            raise click.UsageError(
                "--instructions counts, also by layer: it takes no --layers, --cpu-time, --plot, --isa"
            )
        count_instructions(what, passes, data, shapes, target, io, json_file)
        return
    if isa is not None and isa not in ONEDNN_LEVELS:
        raise click.BadParameter(f"{isa!r} is not one of {', '.join(ONEDNN_LEVELS)}", param_hint="--isa")
    which_pythons = pythons_of(pythons)
    found, missing = find(against, which_pythons)
    with tempfile.TemporaryDirectory() as folder, progress("preparing") as status:
        if Path(what).is_dir():
            contest = from_artifact(Path(what), Path(folder, "peers"), data)
        else:
            contest = from_model(what, Path(folder), passes, data, shapes, target, status.update, threads)
        contest.threads = threads
        contest.found, contest.notes, contest.isas, contest.tflite = found, list(missing.values()), (isa,), tflite
        contest.tools = {tool: p for tool in CONVERTERS if (p := python_with(tool, which_pythons))}
        samples = contest.calibration[: SAMPLES // 2]
        which = last_core() if core is None else core
        result = measure(
            contest, samples, rounds=rounds, core=which, cpu=cpu_time, layers=layers, progress=status.update
        )
    headings, *rows = result.rows()
    show_table(headings, rows)
    if result.layers:
        headings, *rows = result.layer_rows()
        show("")
        show_table(headings, rows)
    show("", *result.verdict())
    if json_file is not None:
        write_json(json_file, result.to_dict())
    if plot is not None:
        with replacing(plot) as aside:
            aside.write_text(svg(result, f"{Path(what).name}, {result.target}"))
    if result.ours is None:
        raise Error("the artifact did not run, so nothing was compared with it; why is said above")


def count_instructions(
    what: str,
    passes: str | None,
    data: str | None,
    shapes: Shapes,
    target: str,
    io: Literal["float", "int8"],
    json_file: Path | None,
) -> None:
    """Print, and write to a file, the instructions of one inference."""
    import lissom as ls
    from lissom.backends.c.emulation.machines import machine
    from lissom.bench.instructions import counted
    from lissom.cli.console import progress, show, show_table
    from lissom.cli.model import read_model
    from lissom.cli.verify import declared, kept_source
    from lissom.cli.writing import write_json

    with tempfile.TemporaryDirectory() as folder, progress("preparing") as status:
        if Path(what).is_dir():
            artifact = ls.Artifact(what)
            source = _one_batch(declared(kept_source(artifact), artifact.report["inputs"]))
        else:
            machine(target)
            source = _one_batch(read_model(what, shapes))
            status.update("compiling")
            graph = ls.run("fold" if passes is None else passes, source, data=data, target=target)
            ls.emit(graph, Path(folder, "artifact"), target=target, io=io)
            artifact = ls.Artifact(Path(folder, "artifact"))
        status.update("counting")
        result = counted(artifact, _samples(source, data)[0])
    headings, *rows = result.rows()
    show_table(headings, rows)
    show(
        "",
        f"{result.instructions:,} instructions for {result.macs:,} MACs at {result.target}, {result.tools['compiler']}",
    )
    if json_file is not None:
        write_json(json_file, result.to_dict())


def last_core() -> int | None:
    """The last core this process may use; None where that cannot be said."""
    import os

    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def from_model(
    model: str,
    folder: Path,
    passes: str | None,
    data: str | None,
    shapes: Shapes,
    target: str,
    update: Callable[[str], None],
    threads: Sequence[int] = (1,),
) -> Contest:
    """Compile a model for the race."""
    import lissom as ls
    from lissom.bench.prepare import Contest, on_threads
    from lissom.cli.model import read_model

    timed_here(target)
    source = _one_batch(read_model(model, shapes))
    samples = _samples(source, data)
    pipeline = "fold" if passes is None else passes
    update(f"running {pipeline}")
    compressed = ls.run(pipeline, source, data=data, target=target)
    update("compiling")
    artifacts = {f"lissom{on_threads(n)}": folder / f"artifact{n}" for n in threads}
    for n, out in zip(threads, artifacts.values(), strict=True):
        report = ls.emit(compressed, out, target=target, threads=n)
    exported = compressed if passes is not None else None
    return Contest(folder / "peers", source, samples, artifacts, exported, is_int8(report))


def from_artifact(out: Path, folder: Path, data: str | None) -> Contest:
    """A race of an artifact that is there."""
    from lissom.backends.c import Artifact
    from lissom.bench.prepare import Contest
    from lissom.cli.verify import declared, kept_source
    from lissom.ir.errors import Error

    artifact = Artifact(out)
    timed_here(artifact.target)
    if any("quantization" in port for port in artifact.report["inputs"]):
        raise Error(f"{out} leaves quantizing to its caller, which peers do not; compile it without --io int8")
    source = _one_batch(declared(kept_source(artifact), artifact.report["inputs"]))
    return Contest(folder, source, _samples(source, data), {"lissom": out}, None, is_int8(artifact.report))


def timed_here(target: str) -> None:
    """Raise Error for a target of another machine: under an emulator time says nothing."""
    from lissom.backends.c.cross import foreign
    from lissom.ir.errors import Error

    if foreign(target):
        raise Error(f"{target} is another machine than this, so there is nothing to time; add --instructions to count")


def is_int8(report: dict[str, object]) -> bool:
    """Whether an artifact computes any layer on bytes."""
    layers = report["layers"]
    assert isinstance(layers, list)
    return any("q8" in layer["kernel"] for layer in layers)


def _one_batch(graph: Graph) -> Graph:
    from lissom.ir.dims import SymDim, symbols

    first = {s for i in graph.inputs for d in i.type.dims[:1] if isinstance(d, SymDim) for s in symbols(d)}
    return graph.bind(dict.fromkeys(first, 1))


def _samples(graph: Graph, data: str | None) -> Sequence[Sample]:
    """From the data, or pseudo-random ones."""
    from lissom.passes.check import random_feed
    from lissom.passes.data import Data

    if data is None:
        return [random_feed(graph, 32, seed) for seed in range(SAMPLES)]
    return [batch.feed for batch in islice(Data(data, graph).batches(1), SAMPLES)]
