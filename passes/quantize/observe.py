"""The calibration run: observers see the values of a graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from lissom.ir.errors import DataError
from lissom.ir.graph import Graph
from lissom.ir.interpreter import check_inputs, execute
from lissom.ir.tensors import to_tensor
from lissom.ir.types import Array
from lissom.ir.values import Const, Input, Value
from lissom.passes.data import Data
from lissom.passes.quantize.observers import Observer

CACHED = 1 << 22
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
        feed = fed(graph, batch.feed)
        for i, tensor in feed.items():
            watch(i, tensor)
        with torch.no_grad():
            execute(graph, feed, observe=watch)
        seen += batch.count
        if samples is not None and seen >= samples:
            break
    if not seen:
        raise DataError("there is no calibration data: the set is empty")


def fed(graph: Graph, arrays: Mapping[str, Array]) -> dict[Input, torch.Tensor]:
    """The inputs as tensors, images with their channels innermost in memory, where torch is fastest."""
    tensors = {i: to_tensor(a, i.type.dtype) for i, a in check_inputs(graph, arrays).items()}
    return {i: t.contiguous(memory_format=torch.channels_last) if t.ndim == 4 else t for i, t in tensors.items()}


def batch_size(graph: Graph) -> int:
    """How many samples at a time are run through the graph."""
    largest = max((r.type.size() for op in graph.ops for r in op.results if r.type.shape is not None), default=1)
    return min(64, max(2, CACHED // max(largest, 1)))
