"""Accuracy of a network with half of its multiply-accumulates removed, for every way of choosing channels.

    python -m benchmarks.prune_accuracy [--network resnet8] [--macs 0.5] [--seeds 5] [--brief]

Needs the Fashion-MNIST files (Debian package dataset-fashion-mnist). Calibration is on training images drawn at random,
others for every seed; nothing is trained, and only the criteria that say so see labels. ``--brief`` measures plain
magnitudes, these with recovery, and the recipe of docs/pruning.md. The table goes into docs/results.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch

import lissom as ls
from benchmarks.sections import write
from examples import fashion_mnist
from lissom.ir.graph import Graph
from lissom.passes.report import Size

ROOT = Path(__file__).parents[1]
CALIBRATION = 1000
SAMPLE = 2000
"""The first test images are also counted alone: those that lie in examples/data."""

Correct = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Way:
    """A criterion and a scope, with or without recovery; ``labels``: the criterion gets them, nothing else does."""

    criterion: str
    scope: str
    recover: bool
    labels: bool = False

    def pipeline(self, macs: float) -> str:
        recover = str(self.recover).lower()
        return (
            f"prune(channels, until(macs={macs}), scope={self.scope}, criterion={self.criterion}, "
            f"recover={recover}, samples={CALIBRATION})"
        )


WAYS = (
    Way("l1", "uniform", False),
    Way("l1", "uniform", True),
    Way("random", "uniform", True),
    Way("geometric_median", "uniform", True),
    Way("apoz", "uniform", True),
    Way("taylor", "uniform", True),
    Way("taylor", "global", True),
    Way("taylor", "global", True, labels=True),
    Way("dcp", "uniform", True, labels=True),
    Way("thinet", "uniform", True),
    Way("thinet", "global", True),
    Way("lasso", "uniform", True),
    Way("lasso", "global", True),
    Way("surgeon", "uniform", True),
    Way("surgeon", "global", True),
)

RECIPE = Way("lasso", "global", True)
BRIEF = (*WAYS[:2], RECIPE)


def correct(graph: Graph, x: npt.NDArray[np.float32], y: npt.NDArray[np.int64]) -> Correct:
    """Which images the graph, written as ONNX and run by onnxruntime, classifies correctly."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        ls.save(graph, path)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    found = [session.run(None, {name: x[i : i + 500]})[0].argmax(1) for i in range(0, len(x), 500)]
    right: Correct = np.concatenate(found) == y
    return right


def rows(network: str, macs: float, seeds: int, ways: tuple[Way, ...]) -> Iterator[list[str]]:
    """The lines of the table, each as soon as it is measured."""
    source = ls.load(ROOT / "examples" / f"{network}.onnx")
    train_x, train_y = fashion_mnist.read("train")
    x, y = fashion_mnist.read("test")
    right = correct(source, x, y)
    yield ["none", "", "", "1.000", f"{right.mean():.2%}", f"{right[:SAMPLE].mean():.2%}"]
    whole = Size.of(ls.run("fold", source, check=False)).macs
    for way in ways:
        scores, few, left = [], [], []
        once = way.criterion == "l1" and not way.recover
        for seed in range(1 if once else seeds):
            chosen = fashion_mnist.balanced(train_y, CALIBRATION, seed)
            batch = {"x": train_x[chosen], **({"y": train_y[chosen]} if way.labels else {})}
            small = ls.run(way.pipeline(macs), source, data=[batch], seed=seed)
            right = correct(small, x, y)
            scores.append(right.mean())
            few.append(right[:SAMPLE].mean())
            left.append(Size.of(small).macs / whole)
        yield [
            f"{way.criterion}, with labels" if way.labels else way.criterion,
            way.scope,
            "least squares" if way.recover else "none",
            f"{np.mean(left):.3f}",
            _spread(scores),
            _spread(few),
        ]


def _spread(values: list[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.2%}"
    return f"{np.mean(values):.2%} ± {np.std(values, ddof=1) * 100:.2f}"


HEADINGS = ["criterion", "scope", "recovery", "MACs left", "top-1, 10,000 test images", "first 2,000"]


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="resnet8")
    parser.add_argument("--macs", type=float, default=0.5)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--brief", action="store_true", help="three ways only")
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    lines = [
        f"## Pruning {options.network} to {options.macs:g} of its multiply-accumulates",
        "",
        f"`python -m benchmarks.prune_accuracy --network {options.network} --macs {options.macs:g} --seeds "
        f"{options.seeds}{' --brief' if options.brief else ''}`: nothing is trained, and labels are used only where "
        "the table says so. Calibration on "
        f"{CALIBRATION:,} training images; mean and standard deviation over {options.seeds} draws of them.",
        "",
        "| " + " | ".join(HEADINGS) + " |",
        "|" + "---|" * len(HEADINGS),
    ]
    print("\n".join(lines))
    for row in rows(options.network, options.macs, options.seeds, BRIEF if options.brief else WAYS):
        lines.append("| " + " | ".join(row) + " |")
        print(lines[-1], flush=True)
    if not options.no_write:
        write("results.md", f"prune-accuracy-{options.network}", lines)


if __name__ == "__main__":
    main()
