"""What a layer reads and puts out over calibration data: mean and covariance of its channels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from lissom.ir.graph import Graph
from lissom.ir.interpreter import execute
from lissom.ir.op import Op
from lissom.ir.tensors import to_tensor
from lissom.ir.types import Array
from lissom.ir.values import Value
from lissom.passes.data import Data
from lissom.passes.factorize.layer import Kernel, Layer

BATCH = 64
ROWS = 4096
"""Places looked at in a batch, spread evenly: neighbours say much the same."""

FLOOR = 1e-4
"""The least variance of a direction, relative to the mean one: what is never seen in calibration may be seen later."""


class Moments:
    """Sums over all rows seen: count, mean and covariance of the channels."""

    def __init__(self, channels: int) -> None:
        self.count = 0
        self.total = np.zeros(channels)
        self.products = np.zeros((channels, channels))

    def add(self, x: torch.Tensor, axis: int) -> None:
        """Take in one batch, whose channels lie along ``axis``."""
        rows = x.movedim(axis, -1).reshape(-1, x.shape[axis])
        rows = rows[:: max(1, len(rows) // ROWS)].double()
        self.count += len(rows)
        self.total += rows.sum(0).numpy()
        self.products += (rows.T @ rows).numpy()

    @property
    def mean(self) -> npt.NDArray[np.float64]:
        return self.total / max(self.count, 1)

    @property
    def covariance(self) -> npt.NDArray[np.float64]:
        centred: npt.NDArray[np.float64] = self.products / max(self.count, 1) - np.outer(self.mean, self.mean)
        return centred


@dataclass(frozen=True, eq=False)
class Statistics:
    """Of one layer. ``roots`` turn a kernel into one whose plain error is about the error of its output."""

    inputs: Moments
    outputs: Moments

    @cached_property
    def roots(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The symmetric square root of the covariance of the inputs, and its inverse."""
        values, vectors = np.linalg.eigh(self.inputs.covariance)
        values = np.maximum(values, FLOOR * max(float(values.mean()), 1e-30))
        root = np.sqrt(values)
        return (vectors * root) @ vectors.T, (vectors / root) @ vectors.T

    def whitened(self, kernel: Kernel) -> Kernel:
        """The kernel as it acts on inputs of unit variance, uncorrelated across channels, taken alike over taps."""
        return np.moveaxis(np.tensordot(kernel, self.roots[0], (1, 0)), -1, 1)

    def unwhitened(self, kernel: Kernel) -> Kernel:
        """Undoes :meth:`whitened`, on the kernel or on whatever of it reads the inputs."""
        return np.moveaxis(np.tensordot(kernel, self.roots[1], (1, 0)), -1, 1)

    def shift(self, missing: Kernel) -> npt.NDArray[np.float64]:
        """What a kernel puts out on the mean input, away from padding."""
        return np.asarray(missing.reshape(*missing.shape[:2], -1).sum(2) @ self.inputs.mean)


def feeds_of(data: Data, samples: int) -> list[dict[str, Array]]:
    """The first ``samples`` samples, or as many as there are, in batches."""
    feeds, seen = [], 0
    for batch in data.batches(min(BATCH, samples)):
        feeds.append(batch.feed)
        seen += batch.count
        if seen >= samples:
            break
    return feeds


def gather(graph: Graph, layers: Iterable[Layer], feeds: list[dict[str, Array]]) -> dict[Op, Statistics]:
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
            moments.add(tensor, axis)

    for feed in feeds:
        tensors = {i: to_tensor(feed[i.name], i.type.dtype) for i in graph.inputs}
        for i, tensor in tensors.items():
            watch(i, tensor)
        with torch.no_grad():
            execute(graph, tensors, observe=watch)
    return found
