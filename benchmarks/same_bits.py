"""Are integers the same everywhere? Every network, after calibration and after training, three ways: writes a table.

    python -m benchmarks.same_bits [NAME ...] [--images N] [--targets portable native ...] [--print]

The integer graph runs in PyTorch (``to_torch``), in the interpreter and as C for each target, on the same images, up to
its last integers (a softmax behind them is float, and floats are equal up to rounding only); the table counts bytes
that are equal. The simulation in float, with its FakeQuant, is compared by the class it names and by the largest
difference in steps of the output. The networks are those of quantize_accuracy.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

import lissom as ls
from benchmarks import sections
from benchmarks.quantize_accuracy import SHARED, SHARED_TASKS, Task, example, shared
from examples import fashion_mnist, networks
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.dequantize_linear import DequantizeLinear
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.values import Const
from lissom.passes.graph_pass import Step
from lissom.passes.pipeline import parse_pipeline

AFTER_CALIBRATION = {
    "int8": "quantize(int8)",
    "uint8, weights int4, gptq": "quantize(uint8, weights=int4, rounding=gptq)",
}
AFTER_TRAINING = {
    "int8, Jacob": "quantize(int8, qat=true, epochs=1, lr=0.0005)",
    "int4, LSQ": "quantize(int4, weights=int4, qat=true, epochs=1, lr=0.002)",
    "BinaryConnect, int8": "binary_connect(epochs=1, lr=0.015), quantize(int8)",
    "ternary, int8": "twn(epochs=1, lr=0.002), quantize(int8)",
}
"""Trained on a few images: what is compared here are bytes, not classes."""
TRAINED = ("lenet5", "resnet8", "vit")
IMAGES = {"squeezenet1_1": 20, "efficientnet_lite0": 20}
"""How many images the large networks see; the others see ``--images``."""
SEEN = 256
"""Images of training."""
HEADINGS = ["network", "numbers", "images", "output bytes", "PyTorch", "{targets}", "classes as decided", "steps"]


def measure(task: Task, numbers: str, pipeline: str, images: int, targets: list[str]) -> list[str]:
    """A line of the table."""
    x = task.x[: min(images, IMAGES.get(task.name, images))]
    if numbers in AFTER_TRAINING:
        many, labels = fashion_mnist.read("train")
        data: list[object] = [{"x": many[:SEEN], "y": labels[:SEEN]}]
    else:
        data = [task.calibration]
    steps = [inner for step in parse_pipeline(pipeline) for inner in flat(step)]
    decided = ls.run(steps[:-1], ls.load(task.model), data=data)
    integers = cut(ls.run(steps[-1:], decided, check=False), DequantizeLinear)
    expected = in_pieces(integers, x)
    module = ls.to_torch(integers)
    with torch.no_grad():
        in_torch = np.concatenate([np.asarray(module(torch.from_numpy(p))) for p in pieces(x)])
    cells = [equal(in_torch, expected)]
    for target in targets:
        with tempfile.TemporaryDirectory() as folder:
            ls.emit(integers.bind({"N": 1}), Path(folder, "c"), target=target)
            artifact = ls.Artifact(Path(folder, "c"))
            cells.append(equal(np.concatenate([artifact.run(x[i : i + 1])[0] for i in range(len(x))]), expected))
    simulated = in_pieces(cut(decided, FakeQuant), x).reshape(expected.shape)  # a Flatten may lie behind the one cut
    flatter = [a.reshape(len(x), -1) for a in (simulated, expected)]
    same = float((flatter[0].argmax(1) == flatter[1].argmax(1)).mean())
    steps_off = np.abs(simulated - expected).max() / output_step(integers)
    return [task.name, numbers, str(len(x)), f"{expected.nbytes:,}", *cells, f"{same:.2%}", f"{steps_off:.1f}"]


def flat(step: Step) -> list[Step]:
    """The passes a step stands for, to the last."""
    inner = step.expand()
    return [step] if inner == [step] else [s for part in inner for s in flat(part)]


def cut(graph: Graph, kind: type[Op]) -> Graph:
    """A copy that ends at the last op of a kind."""
    copy = graph.clone()
    copy.set_outputs({"y": next(op for op in reversed(list(copy.ops)) if isinstance(op, kind))})
    return copy


def pieces(x: np.ndarray) -> Iterator[np.ndarray]:
    """The images, so many that large networks have room."""
    size = 10 if x[0].size > 10_000 else 250
    return (x[i : i + size] for i in range(0, len(x), size))


def in_pieces(graph: Graph, x: np.ndarray) -> np.ndarray:
    """The first output in the interpreter."""
    return np.concatenate([ls.evaluate(graph, p)[0] for p in pieces(x)])


def equal(got: np.ndarray, expected: np.ndarray) -> str:
    """Whether all bytes are; else the share of numbers that are."""
    same = got.dtype == expected.dtype and got.tobytes() == expected.tobytes()
    return "all" if same else f"{(got == expected).mean():.4%}"


def output_step(integers: Graph) -> float:
    """The distance between neighbouring values of the last integers."""
    last = next(op for op in reversed(list(integers.ops)) if isinstance(op, DequantizeLinear))
    assert isinstance(last.x_scale, Const)
    return float(last.x_scale.data.reshape(()))


def main() -> None:
    """Measure what is asked for."""
    available = [*networks.NETWORKS, *(SHARED_TASKS if (SHARED / "models").is_dir() else ())]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(available)}; default all")
    parser.add_argument("--images", type=int, default=500, help="on which so many are compared [default: 500]")
    parser.add_argument("--targets", nargs="+", default=["portable", "native"])
    parser.add_argument("--print", action="store_true", help="print only, and leave docs/results.md as it is")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name in options.names or available:
        task = example(name) if name in networks.NETWORKS else shared(name)
        for numbers, pipeline in (AFTER_CALIBRATION | (AFTER_TRAINING if name in TRAINED else {})).items():
            rows.append(measure(task, numbers, pipeline, options.images, options.targets))
            print(" | ".join(rows[-1]), flush=True)
    if not options.print:
        headings = [h for head in HEADINGS for h in ([f"C, {t}" for t in options.targets] if "{" in head else [head])]
        introduction = (
            f"`python -m benchmarks.same_bits --images {options.images}`: the integer graph in PyTorch and as C, "
            "beside the interpreter; `all` is every byte of the outputs. Behind them the float simulation, as decided: "
            "on how many images it names the class that the integers name, and how many steps of the output they are "
            f"apart at most. Training sees {SEEN} images here."
        )
        lines = ["### Same bits", "", introduction, "", *sections.markdown(headings, rows)]
        sections.write("results.md", "same-bits", lines)


if __name__ == "__main__":
    main()
