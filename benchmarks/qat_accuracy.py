"""Quantization-aware training of the trained ResNet-8: writes a section of docs/results.md.

    python -m benchmarks.qat_accuracy [--images 20000] [--epochs 1] [--seeds 0 1] [--only NAME ...] [--print]

The network is the one examples/train.py trained on all 60,000 training images of Fashion-MNIST. Each row goes on from
there, on ``--images`` of these, drawn by the seed, and is measured on the whole test set by the interpreter, whose
bytes the C code reproduces. Seconds are those of the whole pipeline, on one thread.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

import lissom as ls
from benchmarks import sections
from benchmarks.quantize_accuracy import interpreted
from examples import fashion_mnist, networks

HOW = "qat=true, epochs={epochs}, lr={lr}"
PIPELINES = {
    "float": ("", 0.0),
    "int8, after training": ("quantize(int8)", 0.0),
    "int8, Jacob, labels and teacher": (f"quantize(int8, {HOW})", 5e-4),
    "int4, after training": ("quantize(int4, weights=int4)", 0.0),
    "int4, LSQ, labels and teacher": (f"quantize(int4, weights=int4, {HOW})", 2e-3),
    "int4, LSQ, teacher, no labels": (f"quantize(int4, weights=int4, {HOW})", 2e-3),
    "int4, LSQ, labels": (f"quantize(int4, weights=int4, {HOW}, distill=false)", 2e-3),
    "int2 weights, int4, LSQ, labels and teacher": (f"quantize(int4, weights=int2, {HOW})", 2e-3),
}
HEADINGS = ["weights and activations", "images", "top-1", "seconds"]
CALIBRATION = 100
"""Images that rows without training see."""


def measure(name: str, images: int, epochs: int, seeds: list[int]) -> list[str]:
    """A line of the table: one run a seed, where something is trained."""
    text, lr = PIPELINES[name]
    pipeline = text.format(epochs=epochs, lr=lr)
    x, y = fashion_mnist.read("train")
    test, labels = fashion_mnist.read("test")
    graph = ls.load(networks.FOLDER / "resnet8.onnx")
    found, seconds = [], []
    for seed in seeds if lr else seeds[:1]:
        chosen = np.random.default_rng(seed).choice(len(x), images if lr else CALIBRATION, replace=False)
        data = [x[chosen]] if "no labels" in name or not lr else [{"x": x[chosen], "y": y[chosen]}]
        began = time.perf_counter()
        result = ls.run(pipeline, graph, data=data, seed=seed, check=False)
        seconds.append(time.perf_counter() - began)
        found.append(float((interpreted(result, test).argmax(1) == labels).mean()))
    seen = "" if not text else f"{images:,}" if lr else str(CALIBRATION)
    return [name, seen, ", ".join(f"{a:.2%}" for a in found), f"{np.mean(seconds):.0f}" if lr else ""]


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=PIPELINES, default=list(PIPELINES))
    parser.add_argument("--print", action="store_true", help="print only, and leave docs/results.md as it is")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name in options.only:
        rows.append(measure(name, options.images, options.epochs, options.seeds))
        print(" | ".join(rows[-1]), flush=True)
    if not options.print:
        seeds = " ".join(map(str, options.seeds))
        introduction = (
            f"`python -m benchmarks.qat_accuracy --epochs {options.epochs} --seeds {seeds}`, with the `--images` of "
            "each row: ResNet-8, trained on with its rounding in place, on so many of the 60,000 training images; "
            "top-1 on all 10,000 test images, one number a seed, as integers compute it. int4: weights and activations "
            "have 4 bits, first and last layer too; only the input and the logits have 8. Seconds are for a whole "
            "pipeline, on one thread of a machine that was busy with other things."
        )
        lines = ["## Quantization-aware training", "", introduction, "", *sections.markdown(HEADINGS, rows)]
        sections.write("results.md", "qat-resnet8", lines)


if __name__ == "__main__":
    main()
