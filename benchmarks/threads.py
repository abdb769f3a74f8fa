"""One thread beside several, ours and onnxruntime's: the table in docs/c-artifact.md.

    python -m benchmarks.threads [--models A,B] [--threads 1,2] [--float] [--target T]

Networks of benchmarks/models.py with random weights, int8 by lissom's quantizer, which onnxruntime runs too. All take
turns in one run, pinned to as many cores as they have threads; the least of many single runs counts, because a machine
with other work on it adds to the rest.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

import lissom as ls
from benchmarks.performance import graphs
from lissom.backends.c.host import cpu, resolve
from lissom.bench.measure import measure, milliseconds
from lissom.bench.peers import find, pythons_of
from lissom.bench.prepare import Contest, on_threads
from lissom.bench.race import Lane
from lissom.cli.bench import last_core


def lanes(name: str, target: str, threads: list[int], int8: bool, rounds: int) -> list[Lane]:
    """What was measured of a network."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        graph, compressed, samples = graphs(name, folder, int8)
        artifacts = {f"lissom{on_threads(n)}": folder / f"artifact{n}" for n in threads}
        for n, out in zip(threads, artifacts.values(), strict=True):
            ls.emit(compressed, out, target=target, threads=n)
        found, _ = find(["onnxruntime"], pythons_of(()))
        contest = Contest(folder, graph, samples, artifacts, compressed, int8, found, threads=threads)
        return measure(contest, samples[:1], rounds=rounds, core=last_core()).lanes


def rows(name: str, found: list[Lane], threads: list[int]) -> Iterator[str]:
    """Of each number of threads our least time and that of onnxruntime's fastest form, in ms, and to one thread."""
    first: dict[str, float] = {}
    for n in threads:
        cells = [name, str(n)]
        for engine in ("lissom", "onnxruntime"):
            least = min(x.least for x in found if (x.entrant.engine, x.entrant.threads) == (engine, n) and not x.why)
            cells += [milliseconds(least), f"{least / first.setdefault(engine, least):.2f}"]
        yield f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="tiny_resnet8,transformer,mobilenet_v1,resnet18")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--target", default="native")
    parser.add_argument("--float", action="store_true", help="float32 in place of int8")
    parser.add_argument("--rounds", type=int, default=12)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    threads = [int(n) for n in arguments.threads.split(",")]
    before = os.getloadavg()[0]
    print("| network | threads | ms | to one | onnxruntime, ms | to one |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in arguments.models.split(","):
        found = lanes(name, resolve(arguments.target), threads, not arguments.float, arguments.rounds)
        for row in rows(name, found, threads):
            print(row, flush=True)
    print(f"\n{cpu()}, {resolve(arguments.target)}; load average {before:.0f} to {os.getloadavg()[0]:.0f}.")


if __name__ == "__main__":
    main()
