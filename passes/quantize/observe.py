"""The calibration run: observers see the values of a graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from lissom.ir.errors import DataError
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.values import Const, Value
from lissom.passes.data import Data
from lissom.passes.quantize.observers import Observer

CACHED = 1 << 21
"""Elements of the largest value of a calibration batch: more would leave the caches."""


def observe(graph: Graph, observers: Mapping[Value, Observer], data: Data, samples: int | None = None) -> None:
    """Run the graph over the data, or the first ``samples`` of it, and let ``observers`` see their values.

    Inputs and constants are seen too.
    """
    for v, observer in observers.items():
        if isinstance(v, Const):
            observer.see(torch.from_numpy(np.array(v.data)), v.name)

    def watch(value: Value, tensor: torch.Tensor) -> None:
        if value in observers:
            observers[value].see(tensor, value.name)

    seen = 0
    for batch in data.batches(batch_size(graph)):
        feed = [batch.feed[i.name] for i in graph.inputs]
        for i, array in zip(graph.inputs, feed, strict=True):
            if i in observers:
                observers[i].see(torch.from_numpy(np.asarray(array)), i.name)
        evaluate(graph, *feed, observe=watch)
        seen += batch.count
        if samples is not None and seen >= samples:
            break
    if not seen:
        raise DataError("there is no calibration data: the set is empty")


def batch_size(graph: Graph) -> int:
    """How many samples at a time are run through the graph."""
    largest = max((r.type.size() for op in graph.ops for r in op.results if r.type.shape is not None), default=1)
    return min(64, max(2, CACHED // max(largest, 1)))
