"""Every 3x3 convolution of a network as a depthwise-separable one: the informed start beside a random one.

    python -m benchmarks.substitute [--network vgg] [--block depthwise_separable] [--epochs 5]

Both starts are trained alike, with the network as teacher: same images in the same order, same steps. Writes a section
of docs/results.md and docs/substitute-NETWORK.svg. Needs the Fashion-MNIST files (Debian package
dataset-fashion-mnist) and matplotlib. One thread. The curves are on held-out training images; the test set is seen at
the start and at the end.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import torch

import lissom as ls
from benchmarks.factorize import load, logits, macs, top1
from benchmarks.sections import write
from examples import fashion_mnist
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.conv import Conv

DOCS = Path(__file__).parents[1] / "docs"
STARTS = {"informed": "fit", "random": "random"}
FIRST = "substitute({block}, init={init}, norm=true)"
TRAINING = "distill(epochs={epochs}, lr={lr:g}, batch=128, batch_norm=batch, holdout=0.05{work}), fold"
SEED = 0


def layers_of(graph: Graph) -> list[Op]:
    """The convolutions that the block is to take the place of."""
    return [op for op in graph.ops if isinstance(op, Conv) and op.group == 1 and op.w.type.dims[2:] == (3, 3)]


def measured(options: argparse.Namespace, curves: dict[str, list[float]]) -> Iterator[str]:
    """The section, line by line; fills in the accuracy on held-out images after each epoch of each start."""
    name, block = options.network, options.block
    x, y = (a[: options.images] for a in fashion_mnist.read("train"))
    test = fashion_mnist.read("test")
    work = "" if options.work is None else f", checkpoint='{options.work}'"
    training = TRAINING.format(epochs=options.epochs, lr=options.lr, work=work)
    whole = load(name)
    was = top1(whole, test)
    there = sum(op.macs() for op in layers_of(whole))
    yield f"### {block} in the place of every 3x3 convolution of {name}\n"
    yield (
        f"`{FIRST.format(block=block, init='...')}, {training.replace(work, '')}` on {len(x):,} training images, seed "
        f"{SEED}. The network as it was: {was:.2%}. Seconds are of the processor.\n"
    )
    epochs = " | ".join(f"epoch {i + 1}" for i in range(options.epochs))
    yield f"| start | MACs of these layers | top-1 at the start | held out: {epochs} | top-1 | lost | seconds |"
    yield "|---|---:|---:|" + "---:|" * (options.epochs + 3)
    batches = [{"x": x, "y": y, "teacher": logits(whole, x)}]
    for start in options.starts:
        first = FIRST.format(block=block, init=STARTS[start])
        begun = ls.run(first, whole, data=batches, seed=SEED, check=False)
        fewer = there / (there - macs(whole) + macs(begun))
        before = top1(begun, test)
        began = time.process_time()
        small, report = ls.run(f"{first}, {training}", whole, data=batches, seed=SEED, report=True, check=False)
        seconds = time.process_time() - began
        curves[start] = [before, *(row["held-out accuracy"] for row in report.rows[1].tables["training"])]
        after = top1(small, test)
        held = " | ".join(f"{v:.2%}" for v in curves[start][1:])
        lost = f"{100 * (was - after):.2f} points"
        yield f"| {start} | {fewer:.2f}x fewer | {before:.2%} | {held} | {after:.2%} | {lost} | {seconds:.0f} |"
    yield f"\n![Accuracy after each epoch](substitute-{name}.svg)"


def plot(path: Path, curves: dict[str, list[float]], title: str) -> None:
    """Accuracy over epochs, a line a start; the same bytes for the same curves."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.hashsalt"] = "lissom"
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.add_subplot(xlabel="epochs", ylabel="accuracy, %", title=title)
    for label, values in curves.items():
        axes.plot(range(len(values)), [100 * v for v in values], "o-", label=label)
    axes.set_xticks(range(max(map(len, curves.values()))))
    axes.legend()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure, print, plot and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="vgg")
    parser.add_argument("--block", default="depthwise_separable")
    parser.add_argument("--epochs", type=int, default=5, help="of training  [5]")
    parser.add_argument("--lr", type=float, default=0.012)
    parser.add_argument("--work", metavar="FOLDER", help="for checkpoints: a run that is killed goes on")
    parser.add_argument("--images", type=int, default=60_000, help="to train on  [60000]")
    parser.add_argument("--starts", nargs="+", choices=STARTS, default=[*STARTS])
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    curves: dict[str, list[float]] = {}
    lines = []
    for line in measured(options, curves):
        print(line, flush=True)
        lines += line.split("\n")
    if not options.no_write:
        plot(DOCS / f"substitute-{options.network}.svg", curves, f"{options.network}, {options.block}")
        write("results.md", f"substitute-{options.network}", lines)


if __name__ == "__main__":
    main()
