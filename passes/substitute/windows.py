"""Covariance of the windows a convolution reads: what a fit that may not mix channels needs to know of the data."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.types import Array
from lissom.ir.values import Value
from lissom.passes.least_squares.linear import Linear, Matrix, linear
from lissom.passes.least_squares.moments import Moments
from lissom.passes.least_squares.walk import observe

LARGEST = 2400
"""Elements of a window beyond which its covariance is too large to be worth it."""

ROWS = 2048
"""Windows drawn from a batch."""


def window_covariances(
    graph: Graph, layers: Iterable[Linear], feeds: list[dict[str, Array]], seed: int
) -> dict[Op, Matrix]:
    """For each layer whose windows are small enough their covariance, (inputs * taps) squared, inputs outermost."""
    readers: dict[Value, list[Linear]] = {}
    sums: dict[Op, Moments] = {}
    for layer in layers:
        if layer.inputs <= LARGEST and linear(layer.op) is not None:
            readers.setdefault(layer.op, []).append(layer)
            sums[layer.op] = Moments(layer.inputs)
    rng = np.random.default_rng(seed)
    reads = {layer.x: torch.empty(0) for held in readers.values() for layer in held}

    def watch(value: Value, tensor: torch.Tensor) -> None:
        if value in reads:
            reads[value] = tensor
        for layer in readers.get(value, ()):
            rows = layer.rows(reads[layer.x], layer.positions(tensor, ROWS, rng))[0]
            sums[layer.op].add(rows.astype(np.float32))

    observe(graph, feeds, watch)
    return {op: moments.covariance for op, moments in sums.items() if moments.count}
