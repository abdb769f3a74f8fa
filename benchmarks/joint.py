"""Pruning, distillation and quantization one after the other: ResNet-8 on Fashion-MNIST, after every stage.

    python -m benchmarks.joint [--images 60000] [--epochs 3] [--seed 0] [--work FOLDER] [--only NAME ...]

Each row is a pipeline, as text. Training is on ``--images`` training images with labels, drawn by the seed; the teacher
is the network as it was. Training leaves checkpoints in ``--work``, so that what rows have in common is trained once,
and a run that is killed goes on. Accuracy is on the whole test set, by the interpreter, whose int8 results are those of
the C code to the bit. Times are for one image on one thread: of the emitted C, the best of several loops, and of the
original under onnxruntime. The table goes into docs/results.md.
"""

from __future__ import annotations

import argparse
import tempfile
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
HEADINGS = ["what", "top-1", "MACs", "weights", "ms in C", "pipeline"]


def accuracy(graph: ls.Graph, x: np.ndarray, y: np.ndarray) -> float:
    """Top-1 accuracy under the interpreter."""
    right = 0
    for i in range(0, len(x), 500):
        (logits,) = ls.evaluate(graph, x[i : i + 500])
        right += int((logits.argmax(1) == y[i : i + 500]).sum())
    return right / len(x)


def in_c(graph: ls.Graph, x: np.ndarray, target: str) -> tuple[int, float]:
    """Bytes of weights, and milliseconds for one image, of the emitted C."""
    with tempfile.TemporaryDirectory() as folder:
        facts = ls.emit(graph, Path(folder, "out"), target=target)["artifact"]
        return facts["weight_bytes"], 1e3 * ls.Artifact(Path(folder, "out")).time(x[:1], at_least=1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", default="portable")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir(), "lissom-joint"))
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=PIPELINES, default=list(PIPELINES))
    parser.add_argument("--write", action="store_true", help="put the table into docs/results.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    x, y = fashion_mnist.read("train")
    chosen = np.random.default_rng(options.seed).choice(len(x), options.images, replace=False)
    data = [{"x": x[chosen], "y": y[chosen]}]
    test_x, test_y = fashion_mnist.read("test")
    path = networks.FOLDER / "resnet8.onnx"
    graph = ls.load(path)
    rows = []
    for name in options.only:
        pipeline = PIPELINES[name].format(epochs=options.epochs, work=options.work)
        result = ls.run(pipeline, graph, data=data, seed=options.seed, target=options.target)
        weights, ms = in_c(result, test_x, options.target)
        cells = [f"{accuracy(result, test_x, test_y):.2%}", f"{Size.of(result).macs:,}", f"{weights:,}", f"{ms:.3f}"]
        shown = pipeline.replace(f", checkpoint='{options.work}'", "")
        rows.append([name, *cells, f"`{shown}`"])
        print(*rows[-1], sep="  ", flush=True)
    peer = 1e3 * fastest_run(path, test_x[:1])
    said = (
        f"`python -m benchmarks.joint --images {options.images} --epochs {options.epochs} --seed {options.seed} "
        f"--target {options.target}`: 10,000 test images; the original takes {peer:.3f} ms under onnxruntime "
        f"{onnxruntime.__version__}."
    )
    table = [said, "", *sections.markdown(HEADINGS, rows)]
    print("", *table, sep="\n")
    if options.write:
        sections.write("results.md", "joint", table)


if __name__ == "__main__":
    main()
