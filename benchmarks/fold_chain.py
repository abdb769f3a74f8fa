"""How long ``fold`` takes on a chain of Conv, BatchNormalization and Relu: ``python benchmarks/fold_chain.py [NODES]``.

The time for twice the nodes should be about twice the time.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from lissom.ir.graph import Graph
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.relu import Relu
from lissom.ir.types import tensor
from lissom.ir.values import Const, Value
from lissom.ir.verify import verify
from lissom.passes.fold import fold

CHANNELS = 8


def chain(nodes: int) -> Graph:
    """A graph of ``nodes`` ops: Conv 3x3, BatchNormalization, Relu, over and over."""
    rng = np.random.default_rng(0)
    graph = Graph("chain")
    x: Value = graph.input("x", tensor("float32", 1, CHANNELS, 8, 8))
    for i in range(nodes // 3):
        w = rng.standard_normal((CHANNELS, CHANNELS, 3, 3)).astype(np.float32)
        scale, shift, mean, var = rng.uniform(0.5, 1.5, (4, CHANNELS)).astype(np.float32)
        conv = Conv(x, Const(w, f"{i}.weight"), pads=(1, 1, 1, 1)).named(f"conv{i}")
        parameters = [Const(a, f"{i}.{n}") for n, a in zip("sbmv", (scale, shift, mean, var), strict=True)]
        x = graph.append(Relu(BatchNormalization(conv, *parameters).named(f"bn{i}")).named(f"relu{i}"))
    graph.set_outputs({"y": x})
    return graph


def main() -> None:
    """Print nodes, seconds and seconds of processor time, for half the size and the whole."""
    nodes = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    for size in (nodes // 2, nodes):
        graph = chain(size)
        before, started, computed = len(graph), time.perf_counter(), time.process_time()
        fold(graph)
        seconds, computed = time.perf_counter() - started, time.process_time() - computed
        verify(graph)
        print(f"{before} nodes -> {len(graph)} in {seconds:.2f} s, {computed:.2f} s of them computing")


if __name__ == "__main__":
    main()
