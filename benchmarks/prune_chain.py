"""How long channel removal takes on a chain of residual blocks: ``python benchmarks/prune_chain.py [NODES]``.

The time for twice the nodes should be about twice the time.
"""

from __future__ import annotations

import sys
import time
from itertools import pairwise

import numpy as np

from lissom.ir.graph import Graph
from lissom.ir.ops.add import Add
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


def chain(nodes: int) -> Graph:
    """A graph of ``nodes`` ops: blocks of Conv, Relu, Conv, Relu, every fourth with an addition."""
    rng = np.random.default_rng(0)
    graph = Graph("chain")
    x: Value = graph.input("x", tensor("float32", 1, CHANNELS, 8, 8))

    def conv(x: Value, name: str) -> Conv:
        w = rng.standard_normal((CHANNELS, CHANNELS, 3, 3)).astype(np.float32)
        return Conv(x, Const(w, f"{name}.weight"), pads=(1, 1, 1, 1)).named(name)

    while len(graph) < nodes:
        stage = graph.append(conv(x, f"enter{len(graph)}"))
        for _ in range(4):
            inner = Relu(conv(stage, f"a{len(graph)}"))
            stage = graph.append(Add(stage, conv(inner, f"b{len(graph)}")).named(f"add{len(graph)}"))
        x = stage
    graph.set_outputs({"y": x})
    return graph


def main() -> None:
    """Print seconds to solve, to choose and mask, and to shrink, for a quarter, half the size and the whole."""
    nodes = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print("nodes  solve  choose  mask  shrink  (seconds)")
    for size in (nodes // 4, nodes // 2, nodes):
        graph = chain(size)
        times = [time.perf_counter()]
        solution = solve(graph)
        times.append(time.perf_counter())
        scores = np.random.default_rng(0).random(solution.count)
        ladders = [c.ladder(scores) for c in clusters(solution)]
        gone = removed(solution, ladders, [ladder.lowest(0.5) for ladder in ladders])
        times.append(time.perf_counter())
        mask_units(graph, solution, gone)
        times.append(time.perf_counter())
        small = shrink_graph(graph)
        times.append(time.perf_counter())
        verify(small)
        print(f"{size:5d}", *(f"{b - a:6.2f}" for a, b in pairwise(times)))


if __name__ == "__main__":
    main()
