"""How long channel removal takes on large graphs: ``python -m benchmarks.prune_chain [--write] [NODES]``.

Three shapes: residual blocks one after the other in stages, as in ResNet; one stream that thousands of branches add to,
as in a transformer; and dense blocks in which every layer reads all those before it. Seconds are processor time on one
thread, for a quarter, half the nodes and all: twice the nodes should take about twice the time. ``--write`` puts the
table into docs/pruning.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch

from benchmarks.sections import markdown, write
from lissom.ir.graph import Graph
from lissom.ir.ops.add import Add
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.relu import Relu
from lissom.ir.types import tensor
from lissom.ir.values import Const, Value
from lissom.ir.verify import verify
from lissom.passes.prune.mask import mask_units
from lissom.passes.prune.select import clusters, removed
from lissom.passes.prune.shrink import shrink_graph
from lissom.passes.prune.solve import solve

CHANNELS = 16
DENSE = 12
"""Layers of a dense block."""


class Net:
    """A graph that grows from its input."""

    def __init__(self, name: str, nodes: int) -> None:
        self.graph = Graph(name)
        self.nodes = nodes
        self.rng = np.random.default_rng(0)
        self.x: Value = self.graph.input("x", tensor("float32", 1, CHANNELS, 8, 8))

    def conv(self, x: Value, inputs: int = CHANNELS, size: int = 3) -> Value:
        """A convolution at the end of the graph."""
        w = self.rng.standard_normal((CHANNELS, inputs, size, size)).astype(np.float32)
        name = f"conv{len(self.graph)}"
        return self.graph.append(Conv(x, Const(w, f"{name}.weight"), pads=(size // 2,) * 4).named(name))

    def branch(self, x: Value) -> Value:
        """x and what two convolutions make of it."""
        inner = self.graph.append(Relu(self.conv(x)))
        return self.graph.append(Add(x, self.conv(inner)))

    @property
    def full(self) -> bool:
        return len(self.graph) >= self.nodes

    def done(self, x: Value) -> Graph:
        self.graph.set_outputs({"y": x})
        return self.graph


def stages(nodes: int) -> Graph:
    """Residual blocks, every four of them with channels of their own."""
    net = Net("stages", nodes)
    x = net.x
    while not net.full:
        x = net.conv(x)
        for _ in range(4):
            x = net.branch(x)
    return net.done(x)


def stream(nodes: int) -> Graph:
    """Branches that all add to the same channels."""
    net = Net("stream", nodes)
    x = net.conv(net.x)
    while not net.full:
        x = net.branch(x)
    return net.done(net.conv(x))


def dense(nodes: int) -> Graph:
    """Dense blocks: every layer reads the concatenation of the block's input and all layers before it."""
    net = Net("dense", nodes)
    x = net.x
    while not net.full:
        parts = [net.conv(x)]
        for _ in range(DENSE):
            joined = net.graph.append(Concat(tuple(parts), 1)) if len(parts) > 1 else parts[0]
            parts.append(net.graph.append(Relu(net.conv(joined, CHANNELS * len(parts)))))
        x = net.conv(net.graph.append(Concat(tuple(parts), 1)), CHANNELS * len(parts), 1)
    return net.done(x)


SHAPES = (stages, stream, dense)
HEADINGS = ["shape", "nodes", "solve", "choose", "mask", "shrink"]


def rows(nodes: int) -> Iterator[list[str]]:
    """The lines of the table."""
    for shape in SHAPES:
        for size in (nodes // 4, nodes // 2, nodes):
            graph = shape(size)
            count = len(graph)
            times = [time.process_time()]
            solution = solve(graph)
            times.append(time.process_time())
            scores = np.random.default_rng(0).random(solution.count)
            ladders = [c.ladder(scores) for c in clusters(solution)]
            gone = removed(solution, ladders, [ladder.lowest(0.5) for ladder in ladders])
            times.append(time.process_time())
            mask_units(graph, solution, gone)
            times.append(time.process_time())
            small = shrink_graph(graph)
            times.append(time.process_time())
            verify(small)
            yield [shape.__name__, f"{count:,}", *(f"{b - a:.2f}" for a, b in pairwise(times))]


def main() -> None:
    """Print the table, and perhaps write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nodes", nargs="?", type=int, default=10_000)
    parser.add_argument("--write", action="store_true", help="write the table into docs/pruning.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    lines = markdown(HEADINGS, [])
    print("\n".join(lines))
    for row in rows(options.nodes):
        lines.append(f"| {' | '.join(row)} |")
        print(lines[-1], flush=True)
    if options.write:
        write("pruning.md", "speed", lines)


if __name__ == "__main__":
    main()
