"""What learning again gives back: ResNet-8 with half its channels masked, on Fashion-MNIST.

    python -m benchmarks.distill [--images 10000] [--epochs 1] [--seed 0] [--only NAME ...]

The network is trained by examples/train.py on all 60,000 training images. Half of the channels are masked by magnitude;
what follows goes on from there, on ``--images`` training images, drawn by the seed. Accuracy is on the
whole test set. One thread.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import torch

import lissom as ls
from examples import fashion_mnist, networks

MASK = "mask(0.5, recover=false)"
SOLVE = "mask(0.5, samples=512)"
HOW = "epochs={epochs}, lr={lr}, batch=32, batch_norm=batch"
PIPELINES = {
    "original": "",
    "masked": MASK,
    "labels": f"{MASK}, finetune({HOW})",
    "teacher, no labels": f"{MASK}, distill({HOW}, hard=0)",
    "teacher and labels": f"{MASK}, distill({HOW})",
    "blocks, no labels": f"{MASK}, distill({HOW}, loss=blocks)",
    "least squares, no labels": SOLVE,
    "least squares, teacher, no labels": f"{SOLVE}, distill({HOW}, hard=0)",
    "least squares, teacher and labels": f"{SOLVE}, distill({HOW})",
}


def accuracy(graph: ls.Graph, x: np.ndarray, y: np.ndarray) -> float:
    """Top-1 accuracy under the interpreter."""
    right = 0
    for i in range(0, len(x), 500):
        (logits,) = ls.evaluate(graph, x[i : i + 500])
        right += int((logits.argmax(1) == y[i : i + 500]).sum())
    return right / len(x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--lr", type=float, default=5e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=PIPELINES, default=list(PIPELINES))
    options = parser.parse_args()
    torch.set_num_threads(1)
    x, y = fashion_mnist.read("train")
    chosen = np.random.default_rng(options.seed).choice(len(x), options.images, replace=False)
    data = [{"x": x[chosen], "y": y[chosen]}]
    test = fashion_mnist.read("test")
    graph = ls.load(networks.FOLDER / "resnet8.onnx")
    print("| what | accuracy | seconds |\n|---|---:|---:|")
    for name in options.only:
        pipeline = PIPELINES[name].format(epochs=options.epochs, lr=options.lr)
        began = time.perf_counter()
        result = ls.run(pipeline, graph, data=data, seed=options.seed, check=False)
        seconds = time.perf_counter() - began
        print(f"| {name} | {accuracy(result, *test):.2%} | {seconds:.0f} |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
