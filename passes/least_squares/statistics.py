"""What a layer reads and puts out over calibration data: mean and covariance of its channels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.types import Array
from lissom.ir.values import Value
from lissom.passes.least_squares.linear import Linear, Matrix
from lissom.passes.least_squares.moments import Moments
from lissom.passes.least_squares.walk import observe

ROWS = 4096
"""Places looked at in a batch, spread evenly: neighbours say much the same."""

FLOOR = 1e-4
"""The least variance of a direction, relative to the mean one: what is never seen in calibration may be seen later."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """Of one layer. ``roots`` turn a kernel into one whose plain error is about the error of its output."""

    inputs: Moments
    outputs: Moments

    @cached_property
    def roots(self) -> tuple[Matrix, Matrix]:
        """The symmetric square root of the covariance of the inputs, and its inverse."""
        values, vectors = np.linalg.eigh(self.inputs.covariance)
        values = np.maximum(values, FLOOR * max(float(values.mean()), 1e-30))
        root = np.sqrt(values)
        return (vectors * root) @ vectors.T, (vectors / root) @ vectors.T

    def whitened(self, kernel: Matrix) -> Matrix:
        """The kernel as it acts on inputs of unit variance, uncorrelated across channels, taken alike over taps."""
        return np.moveaxis(np.tensordot(kernel, self.roots[0], (1, 0)), -1, 1)

    def unwhitened(self, kernel: Matrix) -> Matrix:
        """Undoes :meth:`whitened`, on the kernel or on whatever of it reads the inputs."""
        return np.moveaxis(np.tensordot(kernel, self.roots[1], (1, 0)), -1, 1)

    def shift(self, missing: Matrix) -> Matrix:
        """What a kernel puts out on the mean input, away from padding."""
        return np.asarray(missing.reshape(*missing.shape[:2], -1).sum(2) @ self.inputs.mean)


def gather(graph: Graph, layers: Iterable[Linear], feeds: list[dict[str, Array]]) -> dict[Op, Statistics]:
    """Run the graph on ``feeds`` and return the statistics of each layer."""
    found: dict[Op, Statistics] = {
        layer.op: Statistics(Moments(layer.shape[1]), Moments(layer.shape[0])) for layer in layers
    }
    watched: dict[Value, list[tuple[Moments, int]]] = {}
    for layer in layers:
        watched.setdefault(layer.x, []).append((found[layer.op].inputs, layer.input_axis))
        watched.setdefault(layer.op, []).append((found[layer.op].outputs, layer.output_axis))

    def watch(value: Value, tensor: torch.Tensor) -> None:
        for moments, axis in watched.get(value, ()):
            rows = tensor.movedim(axis, -1).reshape(-1, tensor.shape[axis])
            moments.add(rows[:: max(1, len(rows) // ROWS)].double().numpy())

    observe(graph, feeds, watch)
    return found
