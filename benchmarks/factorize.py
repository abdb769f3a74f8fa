"""Factorization on the whole Fashion-MNIST test set: choosing ranks, what data is worth, what training brings back.

    python -m benchmarks.factorize [--parts ranks data recovery] [--networks resnet8 vgg] [--epochs 2]

Writes a section of docs/results.md for every part and network. Needs the Fashion-MNIST files (Debian package
dataset-fashion-mnist). One thread; calibration on the first 256 training images, without labels; accuracy on all
10,000 test images.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import onnxruntime
import torch

import lissom as ls
from benchmarks.sections import write
from examples import fashion_mnist, networks
from lissom.backends.onnx import to_proto
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.conv import Conv
from lissom.ir.types import Array
from lissom.ir.values import Value
from lissom.passes.factorize.chain import Piece, compose
from lissom.passes.factorize.layer import layer_of
from lissom.passes.factorize.methods import METHODS
from lissom.passes.least_squares.linear import Linear
from lissom.passes.report import Size

RECOVERED = ("spatial_svd", "tucker")
TRAINING = "distill(epochs={epochs}, lr=0.003, batch=64, batch_norm=batch), fold"
IMAGES = 256
SEED = 0


@dataclass(frozen=True)
class Setting:
    """What is asked for, and the images it is measured on."""

    share: float
    epochs: int
    train: tuple[Array, Array]
    test: tuple[Array, Array]
    methods: tuple[str, ...] = ()
    """Those that are measured; none: those that the part is about."""

    @property
    def seen(self) -> list[Array]:
        """What calibration sees."""
        return [self.train[0][:IMAGES]]


def load(name: str) -> Graph:
    """The trained example, with the batch normalizations that training wants."""
    return ls.load(networks.FOLDER / f"{name}.onnx")


def macs(graph: Graph) -> int:
    """Multiply-accumulates of the folded graph."""
    return Size.of(ls.run("fold", graph, check=False)).macs


def error(expected: Array, got: Array) -> float:
    """Squared difference relative to the variance over samples."""
    return float(np.square(got - expected).sum() / np.square(expected - expected.mean(0)).sum())


def ranks(name: str, setting: Setting) -> Iterator[str]:
    """Uniform ranks beside those that ENC chooses, at equal MACs and before any training."""
    yield f"### Ranks of {name}, before any training\n"
    yield "Seconds are of the processor; on the clock in brackets.\n"
    yield "| method | ranks | data | MACs left | error of the output | top-1 | seconds |"
    yield "|---|---|---|---:|---:|---:|---:|"
    x, y = setting.test
    whole = ls.run("fold", load(name))
    expected = logits(whole, x)
    yield f"| none |  |  | 1.000 | 0 | {(expected.argmax(1) == y).mean():.2%} |  |"
    for method in setting.methods or METHODS:
        for data in (None, setting.seen):
            for select in ("uniform", "enc"):
                wall, work = time.perf_counter(), time.process_time()
                pipeline = f"factorize({method}, macs={setting.share:g}, select={select})"
                small = ls.run(pipeline, whole, data=data, check=False)
                wall, work = time.perf_counter() - wall, time.process_time() - work
                got = logits(small, x)
                yield (
                    f"| {method} | {select} | {'yes' if data else 'no'} | {macs(small) / macs(whole):.3f} | "
                    f"{error(expected, got):.4f} | {(got.argmax(1) == y).mean():.2%} | {work:.1f} ({wall:.0f}) |"
                )


def data(name: str, setting: Setting) -> Iterator[str]:
    """SVD of each layer alone, of its weights and of what it puts out: which error each makes least."""
    yield f"### Error of weights and of outputs: svd of single layers of {name}, a quarter of the rank\n"
    yield "Squared error, relative; outputs are those of the layer on 1,000 test images.\n"
    yield "| layer | rank | weights, plain | weights, with data | outputs, plain | outputs, with data |"
    yield "|---|---:|---:|---:|---:|---:|"
    x = setting.test[0][:1000]
    whole = ls.run("fold", load(name))
    for op in whole.ops:
        layer = layer_of(op)
        if not isinstance(layer, Linear) or layer.is_pointwise or layer.shape[1] == 1:
            continue
        rank = layer.shape[0] // 4
        expected = output_of(whole, op.name, x)
        cells = []
        for batch in (None, setting.seen):
            small = ls.run(f"factorize(svd, ranks={[f'{op.name}={rank}']})", whole, data=batch, check=False)
            last = next(o for o in small.ops if o.name == op.name)
            assert isinstance(last, Conv)
            assert isinstance(last.x, Conv)
            product = compose([Piece(o.w.data) for o in (last.x, last)])  # type: ignore[attr-defined]
            lost = np.square(product - layer.kernel).sum() / np.square(layer.kernel).sum()
            cells.append((f"{lost:.4f}", f"{error(expected, output_of(small, op.name, x)):.4f}"))
        (w, y), (w_seen, y_seen) = cells
        yield f"| `{op.name}` | {rank} | {w} | {w_seen} | {y} | {y_seen} |"


def logits(graph: Graph, x: Array) -> Array:
    """What onnxruntime computes for the graph."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = to_proto(graph).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    batches = np.array_split(x, max(1, len(x) // 500))
    return np.concatenate([session.run(None, {name: batch})[0] for batch in batches])


def top1(graph: Graph, test: tuple[Array, Array]) -> float:
    """The share of images that are named correctly."""
    return float((logits(graph, test[0]).argmax(1) == test[1]).mean())


def output_of(graph: Graph, name: str, x: Array) -> Array:
    """What the op of this name gives."""
    parts: list[Array] = []

    def watch(value: Value, tensor: torch.Tensor) -> None:
        if isinstance(value, Op) and value.name == name:
            parts.append(tensor.numpy())

    ls.evaluate(graph, x, observe=watch)
    return parts[0]


def recovery(name: str, setting: Setting) -> Iterator[str]:
    """What training with the uncompressed network as teacher brings back."""
    x, y = setting.train
    yield f"### {name} at {setting.share:g} of its multiply-accumulates, trained again\n"
    yield (
        f"`factorize(METHOD, macs={setting.share:g}), {TRAINING.format(epochs=setting.epochs)}` on {len(x):,} training "
        f"images, seed {SEED}. Seconds are of the processor.\n"
    )
    yield "| method | MACs left | as factorized | trained | lost | seconds |"
    yield "|---|---:|---:|---:|---:|---:|"
    whole = load(name)
    was = top1(whole, setting.test)
    yield f"| none | 1.000 |  | {was:.2%} |  |  |"
    batches = [{"x": x, "y": y, "teacher": logits(whole, x)}]
    for method in setting.methods or RECOVERED:
        first = f"factorize({method}, macs={setting.share:g})"
        began = time.process_time()
        start = ls.run(first, whole, data=batches, check=False)
        pipeline = f"{first}, {TRAINING.format(epochs=setting.epochs)}"
        trained = ls.run(pipeline, whole, data=batches, seed=SEED, check=False)
        seconds = time.process_time() - began
        before, after = top1(start, setting.test), top1(trained, setting.test)
        yield (
            f"| {method} | {macs(trained) / macs(whole):.3f} | {before:.2%} | {after:.2%} | "
            f"{100 * (was - after):.2f} points | {seconds:.0f} |"
        )


PARTS: dict[str, Callable[[str, Setting], Iterator[str]]] = {"ranks": ranks, "data": data, "recovery": recovery}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=[*PARTS])
    parser.add_argument("--networks", nargs="+", default=["resnet8", "vgg"])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=[])
    parser.add_argument("--macs", type=float, default=0.5, help="share to leave  [0.5]")
    parser.add_argument("--epochs", type=int, default=2, help="of training  [2]")
    parser.add_argument("--images", type=int, default=60_000, help="to train on  [60000]")
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    x, y = fashion_mnist.read("train")
    train = x[: options.images], y[: options.images]
    setting = Setting(options.macs, options.epochs, train, fashion_mnist.read("test"), tuple(options.methods))
    for part in options.parts:
        for name in options.networks:
            lines = []
            for line in PARTS[part](name, setting):
                print(line, flush=True)
                lines += line.split("\n")
            if not options.no_write:
                write("results.md", f"factorize-{part}-{name}", lines)


if __name__ == "__main__":
    main()
