"""Batch normalizations put behind layers: nothing changes at first, and training has a scale and a shift to move."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import numpy.typing as npt
import torch

from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.tensors import to_tensor
from lissom.ir.types import Array
from lissom.ir.values import Const, Value
from lissom.passes.least_squares.walk import observe
from lissom.passes.train.network import Network

EPSILON = 1e-5


def normalize(graph: Graph, ops: Iterable[Op], feeds: list[dict[str, Array]]) -> list[BatchNormalization]:
    """Put a batch normalization behind each of ``ops``, with channels along axis 1, that computes the identity.

    With ``feeds`` it has their statistics, and the scale and shift that undo them, so that it stays near the identity
    where batches give the statistics; without, those that training from scratch begins with.
    """
    moments: dict[Op, list[npt.NDArray[np.float64]]] = {op: [] for op in ops}

    def watch(value: Value, tensor: torch.Tensor) -> None:
        if isinstance(value, Op) and value in moments:
            rows = tensor.double().movedim(1, 0).flatten(1)
            moments[value].append(torch.stack([rows.mean(1), rows.square().mean(1)]).numpy() * len(tensor))

    observe(graph, feeds, watch)
    samples = sum(len(next(iter(feed.values()))) for feed in feeds)
    norms = []
    for op, found in moments.items():
        mean, square = np.sum(found, axis=0) / samples if found else _of_normal_numbers(op)
        var = np.maximum(square - mean**2, 0)

        def const(name: str, a: Array, trained: bool, op: Op = op) -> Const:
            return Const(a.astype(op.type.dtype.numpy), f"{op.name}.{name}", trainable=trained)

        scale, b = const("scale", np.sqrt(var + EPSILON), True), const("b", mean, True)
        norm = BatchNormalization(
            op, scale, b, const("input_mean", mean, False), const("input_var", var, False), epsilon=EPSILON
        )
        graph.replace(op, norm.named(f"{op.name}.norm", op.loc))
        norms.append(norm)
    return norms


def measure_again(graph: Graph, norms: Collection[BatchNormalization], feed: dict[str, Array]) -> None:
    """Give normalizations the statistics of what they read by now, one behind the other; scale and shift stay."""
    network = Network(graph, torch.device("cpu"))
    network.training = {norm: norm.replace(training_mode=True, momentum=0.0) for norm in norms}
    with torch.no_grad():
        network.run({i.name: to_tensor(feed[i.name], i.type.dtype) for i in graph.inputs}, norms, training=True)
    network.write_back()


def _of_normal_numbers(op: Op) -> npt.NDArray[np.float64]:
    channels = op.type.dims[1]
    return np.stack([np.zeros(channels), np.ones(channels)])  # type: ignore[arg-type]
