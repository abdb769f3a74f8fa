"""Sparse int8 layers beside dense ones: the time of each, in turns, as C on one core.

    python -m benchmarks.sparsity [--target T] [--density 0.25 0.1 ...] [--shapes NAME ...] [--crossover] [--pattern P]

A layer is a graph of its own, with blocks of four weights along the input channels drawn at random, as many for each
output channel, or other patterns. The dense layer is the same with no zeros.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import lissom as ls
from lissom.backends.c import Artifact, emit
from lissom.backends.c.bindings import sparse as bindings
from lissom.backends.c.host import resolve
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.qlinear_conv import QLinearConv
from lissom.ir.ops.qlinear_gemm import QLinearGemm
from lissom.ir.ops.transpose import Transpose
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Const

SHAPES: dict[str, tuple[int, int, int, int]] = {
    "conv 32-64 112x112": (32, 64, 112, 1),
    "conv 64-128 56x56": (64, 128, 56, 1),
    "conv 128-128 56x56": (128, 128, 56, 1),
    "conv 128-256 28x28": (128, 256, 28, 1),
    "conv 256-256 28x28": (256, 256, 28, 1),
    "conv 256-512 14x14": (256, 512, 14, 1),
    "conv 512-512 14x14": (512, 512, 14, 1),
    "conv 512-1024 7x7": (512, 1024, 7, 1),
    "conv 1024-1024 7x7": (1024, 1024, 7, 1),
    "conv 3x3 64-64 32x32": (64, 64, 32, 3),
    "connected 640-128": (640, 128, 0, 1),
    "connected 1024-1000": (1024, 1000, 0, 1),
}
"""Input and output channels, width (0: fully connected, one row) and kernel; 1x1 layers are MobileNetV1's."""


PATTERNS = ("1x4", "uneven", "single", "2:4")
"""Blocks of four channels, as many for each output channel or for all together; single weights; two of every four."""


def weights(inputs: int, outputs: int, taps: int, density: float, seed: int = 0, pattern: str = "1x4") -> Any:
    """int8 weights (outputs, inputs, taps) with this share that are not zero, of blocks of four channels or as
    ``pattern`` says."""
    rng = np.random.default_rng(seed)
    w = rng.integers(1, 128, (outputs, inputs, taps)).astype(np.int8)
    w *= rng.choice([-1, 1], w.shape).astype(np.int8)
    if pattern == "single":
        return w * (rng.random(w.shape) < density)
    fours = -(-inputs // 4)
    if pattern == "2:4" and density < 1:
        return w * (rng.random((outputs, fours, 4, taps)).argsort(2) < 2).reshape(outputs, -1, taps)[:, :inputs]
    if pattern == "uneven":
        return w * np.repeat(rng.random((outputs, fours, taps)) < density, 4, axis=1)[:, :inputs]
    alive = rng.random((outputs, fours * taps)).argsort(axis=1) < round(density * fours * taps)
    return w * np.repeat(alive.reshape(outputs, fours, taps), 4, axis=1)[:, :inputs]


def layer(shape: tuple[int, int, int, int], density: float, pattern: str = "1x4") -> Graph:
    """A graph of one int8 layer."""
    inputs, outputs, width, kernel = shape
    g = Graph()
    one, zero = Const(np.float32(0.02)), Const(np.uint8(100))
    scale = Const(np.full(outputs, 0.01, np.float32))
    bias = Const(np.arange(outputs, dtype=np.int32), "b")
    w = weights(inputs, outputs, kernel * kernel, density, pattern=pattern)
    quantized = (scale, Const(np.zeros(outputs, np.int8)), Const(np.float32(0.5)), zero, bias)
    if width:  # activations lie channels last, as between the layers of a network
        x = g.input("x", TensorType(DType.uint8, (1, width, width, inputs)))
        filters = Const(w.reshape(outputs, inputs, kernel, kernel), "w")
        first = Transpose(x, perm=(0, 3, 1, 2))
        op: Op = QLinearConv(first, one, zero, filters, *quantized, pads=(kernel // 2,) * 4)
        op = Transpose(op, perm=(0, 2, 3, 1))
    else:
        x = g.input("x", TensorType(DType.uint8, (1, inputs)))
        op = QLinearGemm(x, one, zero, Const(w[..., 0], "w"), *quantized)
    g.set_outputs({"y": op})
    return g


def artifact(graph: Graph, target: str, folder: Path) -> tuple[Artifact, str]:
    """The layer as C, and the kernel it got."""
    report = emit(graph, folder, target=target, name="layer")
    kernels = [entry["kernel"] for entry in report["layers"] if entry["kernel"]]
    return Artifact(folder), ", ".join(kernels)


def fastest(artifacts: list[Artifact], x: Any, rounds: int) -> list[float]:
    """Of each, the shortest run in seconds, in turns."""
    times = [[a.time(x, at_least=0.05) for a in artifacts] for _ in range(rounds)]
    return [min(column) for column in zip(*times, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="native")
    parser.add_argument("--density", type=float, nargs="+", default=[0.25, 0.1])
    parser.add_argument("--shapes", nargs="+", default=[""], help="parts of names")
    parser.add_argument("--pattern", default="1x4", choices=PATTERNS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--crossover", action="store_true", help="densities around 0.6, also where dense is the choice")
    args = parser.parse_args()
    target = resolve(args.target)
    if args.crossover:
        args.density = [0.4, 0.5, 0.6, 0.7]
        bindings.why_dense = lambda kernel, params, dense_cost: None
    print(f"{cpu()}, target {target}; time of the dense int8 layer over that of the sparse one\n")
    shares = [f"{1 - d:.0%} zeros" for d in args.density]
    print("| layer | dense, GMAC/s | " + " | ".join(shares) + " | kernel |")
    print("|---|---|" + "---|" * (len(shares) + 1))
    for name, shape in SHAPES.items():
        if any(part in name for part in args.shapes):
            print(row(name, shape, target, args.density, args.rounds, args.pattern), flush=True)


def row(
    name: str, shape: tuple[int, int, int, int], target: str, densities: list[float], rounds: int, pattern: str
) -> str:
    """A line of the table."""
    graphs = [layer(shape, d, pattern) for d in (1.0, *densities)]
    x = np.random.default_rng(1).integers(0, 256, graphs[0].inputs[0].type.static, np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        made = [artifact(g, target, Path(folder, str(i))) for i, g in enumerate(graphs)]
        for graph, (built, _) in zip(graphs, made, strict=True):
            if not np.array_equal(built.run(x)[0], ls.evaluate(graph, x)[0]):
                raise SystemExit(f"{name}: the C code and the interpreter differ")
        dense, *sparse = fastest([built for built, _ in made], x, rounds)
    macs = graphs[0].cost().macs
    ratios = [
        f"{dense / t:.2f}" if "sparse" in kernel else "dense" for t, (_, kernel) in zip(sparse, made[1:], strict=True)
    ]
    return f"| {name} | {macs / dense / 1e9:.0f} | " + " | ".join(ratios) + f" | {made[-1][1]} |"


def cpu() -> str:
    """What this processor calls itself."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "?")


if __name__ == "__main__":
    main()
