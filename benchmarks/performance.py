"""Speed beside other engines: the table of docs/performance.md.

    python -m benchmarks.performance [--models A,B] [--targets T,U] [--float] [--peer-python PATH] ...

Each network of benchmarks/models.py is quantized by lissom on seeded random inputs, compiled for every target this CPU
can run, and raced against every engine that is installed, in one run of shuffled turns on one core. Engines that can be
held to an instruction set run once for each. Model files and results are kept in --work, one result a network, so that
a run that was stopped goes on where it was; --again measures anew. --write puts the tables into docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import lissom as ls
from benchmarks.models import MODELS, build
from lissom.backends.c.toolchain import need_compiler
from lissom.bench.ceiling import INT8, lacks, peak
from lissom.bench.measure import measure, milliseconds
from lissom.bench.peers import CONVERTERS, PEERS, find, python_with, pythons_of
from lissom.bench.prepare import Contest
from lissom.cli.bench import last_core
from lissom.ir.graph import Graph
from lissom.kernels.table import TARGETS

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
SAMPLES = 8


def say(text: str) -> None:
    """Show what is being done; in a file, only what takes long."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text and ": round " not in text:
        print(text, file=sys.stderr, flush=True)


def graphs(name: str, folder: Path, int8: bool) -> tuple[Graph, Graph, list[dict[str, np.ndarray]]]:
    """The float network, which is kept as ONNX, what the passes make of it, and samples."""
    source = folder / "source.onnx"
    shape = MODELS[name][1]
    draws = [np.random.default_rng(seed).standard_normal(shape, np.float32) for seed in range(SAMPLES)]
    if not source.exists():
        module, _ = build(name)
        ls.save(ls.from_torch(module, (torch.from_numpy(draws[0]),)), source)
    graph = ls.load(source)
    say(f"{name}: running the passes")
    # Random weights amplify any difference, so checks between passes tell nothing; the table has the SQNR.
    compressed = ls.run("fold, quantize(int8)" if int8 else "fold", graph, data=draws if int8 else None, check=False)
    return graph, compressed, [{graph.inputs[0].name: x} for x in draws]


def measured(name: str, arguments: argparse.Namespace, targets: Sequence[str]) -> dict[str, Any]:
    """The result for a network: as kept, or from a race."""
    numbers = "float" if arguments.float else "int8"
    kept = arguments.work / f"{name}.{numbers}.json"
    if kept.exists() and not arguments.again:
        known: dict[str, Any] = json.loads(kept.read_text())
        if set(targets) <= {lane["label"].removeprefix("lissom ") for lane in known["lanes"]}:
            return known
    folder = arguments.work / name
    folder.mkdir(parents=True, exist_ok=True)
    graph, compressed, samples = graphs(name, folder, not arguments.float)
    artifacts = {}
    for target in targets:
        say(f"{name}: compiling for {target}")
        out = folder / f"artifact-{numbers}-{target}"
        ls.emit(compressed, out, target=target)
        artifacts[f"lissom {target}"] = out
    pythons = pythons_of(arguments.peer_python)
    found, missing = find(arguments.against.split(","), pythons)
    contest = Contest(folder, graph, samples, artifacts, compressed, not arguments.float, found)
    contest.tools = {tool: p for tool in CONVERTERS if (p := python_with(tool, pythons))}
    contest.isas = (None, *(t for t in targets if t not in ("portable", "native")))
    contest.notes += missing.values()
    result = measure(
        contest,
        samples[: SAMPLES // 2],
        rounds=arguments.rounds,
        core=last_core(),
        cpu=arguments.cpu_time,
        progress=lambda text: say(f"{name}: {text}"),
    ).to_dict()
    kept.write_text(json.dumps(result, indent=2) + "\n")
    return result


def lines(results: dict[str, dict[str, Any]], targets: Sequence[str], float_: bool) -> Iterator[str]:
    """The tables, one for each target."""
    some = next(iter(results.values()))
    compiler = subprocess.run([need_compiler(), "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    versions = ", ".join(f"{n} {v}" for r in [some] for n, v in sorted(r["versions"].items()))
    dates = sorted({r["date"] for r in results.values()})
    busiest = max(max(r["load_average"]) for r in results.values())
    when = " to ".join(dict.fromkeys([dates[0], dates[-1]]))
    yield f"{when}, {some['cpu']}, {compiler}, Python {platform.python_version()}; {versions}. One thread, batch 1,"
    yield f"random weights; medians of {some['clock']} time; load average up to {busiest:.1f}."
    for target in targets:
        if (why := lacks(TARGETS[target][0])) is not None:
            yield from ("", f"**{target}**: not measured, {why}.")
            continue
        top = peak(TARGETS[target][0], not float_)
        ceiling = "" if top is None else f" (the core's peak: {top / 1e9:.0f} G MACs a second)"
        yield from ("", f"**{target}**{ceiling}", "")
        heads = [
            "network",
            "M MACs",
            "ms",
            "best peer at this level",
            "ratio",
            "best peer of all",
            "ratio",
            "noise",
            "SQNR",
        ]
        yield f"| {' | '.join(heads)} |"
        yield "|---|---:|---:|---|---:|---|---:|---:|---:|"
        for name, result in results.items():
            yield f"| {' | '.join(row(name, result, target))} |"


def row(name: str, result: dict[str, Any], target: str) -> list[str]:
    """The line of a network. Times are medians."""
    lanes = [lane for lane in result["lanes"] if "why" not in lane and not lane["same_as"]]
    ours = next((x for x in lanes if x["label"] == f"lissom {target}"), None)
    bound = min(10.0, ours["sqnr_db"] - 3) if ours else 10.0
    peers = [x for x in lanes if x["engine"] != "lissom" and x["sqnr_db"] >= bound]
    cells = [name, f"{result['macs'] / 1e6:.1f}", milliseconds(ours["median"]) if ours else ""]
    for held in ([x for x in peers if x["isa"] == target], [x for x in peers if x["isa"] is None]):
        best = min(held, key=lambda x: x["median"], default=None)
        cells += [f"{best['label'].split(' at ')[0]} {milliseconds(best['median'])}" if best else ""]
        cells += [f"{ours['median'] / best['median']:.2f}" if best and ours else ""]
    return [*cells, f"{result['noise']:.0%}", f"{ours['sqnr_db']:.0f} dB" if ours else ""]


def write(marker: str, text: str) -> None:
    """Put text between the markers of the page."""
    begin, end = f"<!-- {marker} -->", f"<!-- end of {marker} -->"
    page = PAGE.read_text()
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    PAGE.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS), help="networks, separated by commas; default all")
    parser.add_argument("--targets", default=",".join(TARGETS), help="targets of lissom; default all")
    parser.add_argument("--against", default=",".join(PEERS), help="engines; default all")
    parser.add_argument("--peer-python", action="append", default=[], help="a Python that has engines")
    parser.add_argument("--float", action="store_true", help="float32 in place of int8")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--cpu-time", action="store_true", help="processor time, for a busy machine")
    parser.add_argument("--work", type=Path, default=Path("out-performance"), help="folder of models and results")
    parser.add_argument("--again", action="store_true", help="measure anew what has been measured")
    parser.add_argument("--json", type=Path, help="also write all results to this file")
    parser.add_argument("--write", action="store_true", help=f"write the tables to {PAGE.name}")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.work = arguments.work.resolve()
    wanted = [t for t in arguments.targets.split(",") if t != "native"]
    able = [t for t in wanted if TARGETS[t][0] in INT8 and lacks(TARGETS[t][0]) is None]
    results = {name: measured(name, arguments, able) for name in arguments.models.split(",")}
    command = shlex.join(["python", "-m", "benchmarks.performance", *(a for a in sys.argv[1:] if "/" not in a)])
    text = "\n".join([f"`{command}`:", "", *lines(results, wanted, arguments.float)])
    say("")
    print(text)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    if arguments.write:
        write("float" if arguments.float else "int8", text)


if __name__ == "__main__":
    main()
