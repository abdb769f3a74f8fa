"""Covariance of the windows a convolution reads: what a fit that may not mix channels needs to know of the data."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch

from lissom.ir.graph import Graph
from lissom.ir.interpreter import execute
from lissom.ir.op import Op
from lissom.ir.tensors import to_tensor
from lissom.ir.types import Array
from lissom.ir.values import Value
from lissom.passes.factorize.layer import Layer
from lissom.passes.least_squares.linear import linear

LARGEST = 2400
"""Elements of a window beyond which its covariance is too large to be worth it."""

ROWS = 2048
"""Windows drawn from a batch."""


def window_covariances(
    graph: Graph, layers: Iterable[Layer], feeds: list[dict[str, Array]], seed: int
) -> dict[Op, npt.NDArray[np.float64]]:
    """For each layer whose windows are small enough their covariance, (inputs * taps) squared, inputs outermost."""
    readers: dict[Value, list[Layer]] = {}
    sums: dict[Op, tuple[list[int], npt.NDArray[np.float64], npt.NDArray[np.float64]]] = {}
    for layer in layers:
        size = int(np.prod(layer.shape[1:]))
        if size <= LARGEST and linear(layer.op) is not None:
            readers.setdefault(layer.op, []).append(layer)
            sums[layer.op] = ([0], np.zeros(size), np.zeros((size, size)))
    rng = np.random.default_rng(seed)
    reads = {layer.x: torch.empty(0) for held in readers.values() for layer in held}

    def watch(value: Value, tensor: torch.Tensor) -> None:
        if value in reads:
            reads[value] = tensor
        for layer in readers.get(value, ()):
            found = linear(layer.op)
            assert found is not None
            rows = found.rows(reads[layer.x], found.positions(tensor, ROWS, rng))[0]
            count, total, products = sums[layer.op]
            count[0] += len(rows)
            total += rows.sum(0)
            narrow = rows.astype(np.float32)
            products += narrow.T @ narrow

    for feed in feeds:
        tensors = {i: to_tensor(feed[i.name], i.type.dtype) for i in graph.inputs}
        for i, tensor in tensors.items():
            watch(i, tensor)
        with torch.no_grad():
            execute(graph, tensors, observe=watch)
    return {
        op: products / n[0] - np.outer(total / n[0], total / n[0]) for op, (n, total, products) in sums.items() if n[0]
    }
