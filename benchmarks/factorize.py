"""Error against multiply-accumulates of factorized and substituted networks, before any training.

    python -m benchmarks.factorize [--networks resnet8 vgg] [--macs 0.5 0.33]

Prints a Markdown table: the share of MACs left, the squared error of the outputs relative to their variance, accuracy
on the 2,000 test images of examples/data, and the processor seconds of the pass, on one thread. "resnet8" is the
trained example; "vgg", six 3x3 convolutions with batch norms, is trained here on 20,000 of the Fashion-MNIST training
images (Debian package dataset-fashion-mnist), each seen once, seed 0. Calibration is on 256 images of examples/data.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

import lissom as ls
from examples import fashion_mnist, networks
from lissom.ir.graph import Graph
from lissom.passes.report import Size

HEADINGS = ["network", "pipeline", "data", "MACs left", "error", "accuracy", "seconds"]
METHODS = ("svd", "spatial_svd", "tucker", "cp")
BLOCKS = (
    "depthwise_separable",
    "grouped",
    "grouped_shuffle",
    "bottleneck, ratio=0.35",
    "fire",
    "ghost",
    "inverted_residual, ratio=1.5",
)
TRAINING_IMAGES = 20_000


def vgg() -> nn.Module:
    """Three stages of two 3x3 convolutions: 24, 48 and 96 channels."""
    layers: list[nn.Module] = []
    inside = 1
    for outside in (24, 48, 96):
        for _ in range(2):
            layers += [nn.Conv2d(inside, outside, 3, padding=1, bias=False), nn.BatchNorm2d(outside), nn.ReLU()]
            inside = outside
        layers += [nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(96, 10))


def trained_vgg() -> nn.Module:
    """The network after one pass over the training images."""
    torch.manual_seed(0)
    model = vgg().train()
    x, y = fashion_mnist.read("train")
    order = np.random.default_rng(0).permutation(len(x))[:TRAINING_IMAGES]
    optimiser = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=5e-4)
    batches = np.array_split(order, len(order) // 128)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.2, len(batches))
    for batch in batches:
        loss = nn.functional.cross_entropy(model(torch.from_numpy(x[batch])), torch.from_numpy(y[batch]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def network(name: str) -> Graph:
    """A trained network, folded."""
    if name == "vgg":
        batch = torch.export.Dim("N")
        return ls.run("fold", ls.from_torch(trained_vgg(), (torch.zeros(2, 1, 28, 28),), dynamic_shapes=({0: batch},)))
    return ls.run("fold", ls.load(networks.FOLDER / f"{name}.onnx"))


def pipelines(shares: list[float]) -> Iterator[tuple[str, bool]]:
    """What is measured, with data or without."""
    for share in shares:
        for method in METHODS:
            for select in ("uniform", "enc"):
                for data in (False, True):
                    yield f"factorize({method}, macs={share:g}, select={select})", data
    for block in BLOCKS:
        yield f"substitute({block}, init=random)", False
        yield f"substitute({block})", False
        yield f"substitute({block})", True


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=["resnet8", "vgg"])
    parser.add_argument("--macs", nargs="+", type=float, default=[0.5, 0.33])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with np.load(fashion_mnist.DATA / "fashion_mnist_test.npz") as test:
        x, y = test["x"], test["y"]
    with np.load(fashion_mnist.DATA / "fashion_mnist_calib.npz") as calibration:
        seen = calibration["x"][:256]
    print("|", " | ".join(HEADINGS), "|")
    print("|---|---|---|" + "---:|" * (len(HEADINGS) - 3))
    for name in arguments.networks:
        graph = network(name)
        (expected,) = ls.evaluate(graph, x)
        print(f"| {name} | none | | 100 % | 0 | {(expected.argmax(1) == y).mean():.2%} | |")
        for pipeline, with_data in pipelines(arguments.macs):
            began = time.process_time()
            small = ls.run(pipeline, graph, data=[seen] if with_data else None, check=False)
            seconds = time.process_time() - began
            (got,) = ls.evaluate(small, x)
            error = np.square(got - expected).sum() / np.square(expected - expected.mean(0)).sum()
            share = Size.of(small).macs / Size.of(graph).macs
            cells = [name, pipeline, "yes" if with_data else "no", f"{share:.1%}", f"{error:.3f}"]
            print("|", " | ".join([*cells, f"{(got.argmax(1) == y).mean():.2%}", f"{seconds:.1f}"]), "|")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
