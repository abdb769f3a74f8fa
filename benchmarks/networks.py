"""The example networks, float and int8: size, accuracy, memory, compile time and speed beside onnxruntime.

    python -m benchmarks.networks [--target native] [NAME ...]        prints a Markdown table

Each network is compiled with "fold" and with "fold, quantize(int8)", for the target and for portable C, and built by
the host compiler at -O3. Accuracy is that of the C code on the 2,000 test images of examples/data; "onnxruntime" is
the float model under onnxruntime on one thread. Times are for one image, the best of several loops.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime

import lissom as ls
from examples import networks

DATA = networks.FOLDER / "data"
PIPELINES = {"float": "fold", "int8": "fold, quantize(int8)"}
HEADINGS = ["network", "numbers", "accuracy", "weights", "arena", "code", "compile"]
TIMES = ["ms", "ms portable", "ms onnxruntime"]


def fastest_run(path: Path, x: np.ndarray, at_least: float = 0.5) -> float:
    """Seconds onnxruntime takes for ``x`` on one thread: the best of several runs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    best, end = float("inf"), time.perf_counter() + at_least
    while time.perf_counter() < end:
        began = time.perf_counter()
        session.run(None, {"x": x})
        best = min(best, time.perf_counter() - began)
    return best


def measure(name: str, target: str) -> Iterator[list[str]]:
    """A row for each pipeline."""
    path = networks.FOLDER / f"{name}.onnx"
    with np.load(DATA / "fashion_mnist_test.npz") as test:
        x, y = test["x"], test["y"]
    peer = fastest_run(path, x[:1])
    for numbers, pipeline in PIPELINES.items():
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            graph = ls.run(pipeline, ls.load(path), data=str(DATA / "fashion_mnist_calib.npz"))
            facts = ls.emit(graph, Path(folder, "out"), target=target)["artifact"]
            seconds = time.perf_counter() - began
            artifact = ls.Artifact(Path(folder, "out"))
            (logits,) = artifact.run(x)
            ls.emit(graph, Path(folder, "portable"))
            portable = ls.Artifact(Path(folder, "portable"))
            yield [
                name,
                numbers,
                f"{(logits.argmax(1) == y).mean():.2%}",
                f"{facts['weight_bytes']:,}",
                f"{facts['arena_bytes']:,}",
                "" if facts["code_bytes"] is None else f"{facts['code_bytes']:,}",
                f"{seconds:.1f} s",
                f"{1e3 * artifact.time(x[:1]):.4f}",
                f"{1e3 * portable.time(x[:1]):.3f}",
                f"{1e3 * peer:.3f}",
            ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(networks.NETWORKS)}; default all")
    parser.add_argument("--target", default="native", help="as for lissom compile; default native")
    given = parser.parse_args()
    print("|", " | ".join(HEADINGS + TIMES), "|")
    print("|---|---|" + "---:|" * (len(HEADINGS + TIMES) - 2))
    for name in given.names or networks.NETWORKS:
        for row in measure(name, given.target):
            print("|", " | ".join(row), "|")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
