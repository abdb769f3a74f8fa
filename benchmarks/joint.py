"""Pruning, distillation and quantization one after the other: ResNet-8 on Fashion-MNIST, after every stage.

    python -m benchmarks.joint [--images 60000] [--epochs 3] [--seeds 0] [--work FOLDER] [--only NAME ...]

Each row is a pipeline, as text. Training is on ``--images`` training images with labels, drawn by the seed; the teacher
is the network as it was. Training leaves checkpoints in ``--work``, so that what rows have in common is trained once,
and a run that is killed goes on. Accuracy is that of the emitted C on the whole test set, one number a seed. Times are
those of the first seed for one image on one thread, the best of many runs: of the emitted C, and of the same graph as
ONNX under onnxruntime. The table goes into docs/results.md.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch

import lissom as ls
from benchmarks import sections
from benchmarks.networks import fastest_run
from examples import fashion_mnist, networks
from lissom.passes.report import Size

PRUNE = "mask(until(macs=0.5), global, lasso, round_to=4), shrink"
LEARN = "epochs={epochs}, batch=64, checkpoint='{work}'"
DISTILL = f"distill(lr=0.003, batch_norm=batch, {LEARN})"
TRAINED = "quantize(int8, qat=true, distill=true, epochs=1, lr=0.0005, batch=64, checkpoint='{work}')"
PIPELINES = {
    "original": "fold",
    "int8": "quantize(int8)",
    "pruned": f"{PRUNE}, fold",
    "pruned, int8": f"{PRUNE}, quantize(int8)",
    "pruned, labels": f"{PRUNE}, finetune(lr=0.003, batch_norm=batch, {LEARN}), fold",
    "pruned, distilled": f"{PRUNE}, {DISTILL}, fold",
    "pruned, distilled, int8": f"{PRUNE}, {DISTILL}, quantize(int8)",
    "pruned, distilled, int8 trained": f"{PRUNE}, {DISTILL}, {TRAINED}",
    "pruned, int8 trained": f"{PRUNE}, {TRAINED}",
}
HEADINGS = ["what", "top-1", "MACs", "weights", "ms in C", "ms onnxruntime", "pipeline"]


@dataclass(frozen=True)
class Built:
    """What the emitted C of a graph is like: accuracy, bytes of weights, and milliseconds for an image if asked for,
    beside those onnxruntime takes for the graph."""

    top1: float
    weights: int
    times: list[str]


def built(graph: ls.Graph, x: np.ndarray, y: np.ndarray, target: str, timed: bool) -> Built:
    """Emit, compile and run."""
    with tempfile.TemporaryDirectory() as folder:
        facts = ls.emit(graph, Path(folder, "out"), target=target)["artifact"]
        artifact = ls.Artifact(Path(folder, "out"))
        times = []
        if timed:
            ls.save(graph, path := Path(folder, "model.onnx"))
            seconds = (artifact.time(x[:1], at_least=3.0), fastest_run(path, x[:1], at_least=3.0))
            times = [f"{1e3 * s:.3f}" for s in seconds]
        right = (artifact.run(x)[0].argmax(1) == y).mean()
        return Built(float(right), facts["weight_bytes"], times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--target", default="native")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir(), "lissom-joint"))
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=PIPELINES, default=list(PIPELINES))
    parser.add_argument("--write", action="store_true", help="put the table into docs/results.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    x, y = fashion_mnist.read("train")
    test = fashion_mnist.read("test")
    graph = ls.load(networks.FOLDER / "resnet8.onnx")
    rows = []
    for name in options.only:
        pipeline = PIPELINES[name].format(epochs=options.epochs, work=options.work)
        found = []
        for seed in options.seeds:
            chosen = np.random.default_rng(seed).choice(len(x), options.images, replace=False)
            data = [{"x": x[chosen], "y": y[chosen]}]
            result = ls.run(pipeline, graph, data=data, seed=seed, target=options.target)
            found.append(built(result, *test, options.target, timed=not found))
            if pipeline == PIPELINES["original"]:
                break  # nothing is drawn
        shown = pipeline.replace(f", checkpoint='{options.work}'", "")
        top1 = ", ".join(f"{f.top1:.2%}" for f in found)
        rows.append([name, top1, f"{Size.of(result).macs:,}", f"{found[0].weights:,}", *found[0].times, f"`{shown}`"])
        print(*rows[-1], sep="  ", flush=True)
    said = (
        f"`python -m benchmarks.joint --images {options.images} --epochs {options.epochs} --seeds "
        f"{' '.join(map(str, options.seeds))} --target {options.target}`: 10,000 test images; onnxruntime "
        f"{onnxruntime.__version__}."
    )
    table = [said, "", *sections.markdown(HEADINGS, rows)]
    print("", *table, sep="\n")
    if options.write:
        sections.write("results.md", "joint", table)


if __name__ == "__main__":
    main()
