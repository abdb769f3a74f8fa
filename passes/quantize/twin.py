"""The graph run twice in step: as it was before it was quantized, and as FakeQuant has it now.

Methods that choose integers for weights, correct biases or measure noise go through a graph in order, look at both
streams at an op, may change the op, and go on with what the change makes of the second stream.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import torch

from lissom.ir.errors import DataError
from lissom.ir.graph import Graph
from lissom.ir.interpreter import run_op
from lissom.ir.op import Op
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.tensors import to_tensor
from lissom.ir.types import Array
from lissom.ir.values import Const, Value
from lissom.passes.data import Data
from lissom.passes.quantize.observe import batch_size, fed

Feed = Mapping[str, Array]
Stream = dict[Value, torch.Tensor]
ELEMENTS = 1 << 26

LANE = 16
"""Samples of a lane, at most."""

Visit = Callable[[Op], None]


def feeds_of(data: Data, count: int | None, graph: Graph) -> list[Feed]:
    """The first ``count`` samples of the data, in batches; raises DataError where there are none.

    None stands for 16 to 32, the fewer the more elements the graph computes for each.
    """
    if count is None:
        elements = sum(r.type.size() for op in graph.ops for r in op.results if r.type.shape is not None)
        count = min(32, max(16, ELEMENTS // max(elements, 1)))
    feeds: list[Feed] = []
    for found in data.batches(min(batch_size(graph), LANE, count)):
        feeds.append(found.feed)
        count -= found.count
        if count <= 0:
            break
    if not feeds:
        raise DataError("there is no calibration data: the set is empty")
    return feeds


class Lane:
    """Both streams on one batch."""

    def __init__(self) -> None:
        self.exact: Stream = {}
        self.noisy: Stream = {}


class Twin:
    """Both streams on several batches. What the methods give and take has all batches along the first axis."""

    def __init__(self, graph: Graph, feeds: Sequence[Feed]) -> None:
        self.graph = graph
        self.feeds = feeds
        self.lanes = [Lane() for _ in feeds]

    def exact(self, v: Value) -> torch.Tensor:
        """A value as it was before quantization."""
        return _joined([lane.exact[v] for lane in self.lanes])

    def noisy(self, v: Value) -> torch.Tensor:
        """A value as it is now."""
        return _joined([lane.noisy[v] for lane in self.lanes])

    def per_channel(self, v: Value, axis: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """About ``count`` elements of every channel along ``axis``, before quantization and now: (channels, count)."""
        share = -(-count // len(self.lanes))
        return (
            torch.cat([_sample(lane.exact[v], axis, share) for lane in self.lanes], 1),
            torch.cat([_sample(lane.noisy[v], axis, share) for lane in self.lanes], 1),
        )

    def put(self, v: Value, tensor: torch.Tensor) -> None:
        """Let what follows read ``tensor`` instead of the constant on a grid ``v``."""
        for lane in self.lanes:
            lane.noisy[v] = tensor

    def add(self, v: Value, shift: torch.Tensor) -> None:
        """Add ``shift`` to a value, for what follows."""
        for lane in self.lanes:
            lane.noisy[v] = lane.noisy[v] + shift

    def walk(self, before: Visit | None = None, after: Visit | None = None) -> None:
        """Run all ops in order; call ``before`` and ``after`` at each, when its operands and its results are there.

        The graph itself is not to be changed while it is walked.
        """
        for lane, feed in zip(self.lanes, self.feeds, strict=True):
            for i, tensor in fed(self.graph, feed).items():
                lane.exact[i] = lane.noisy[i] = tensor
        left = Counter(v for op in self.graph.ops for v in op.operands)
        left.update(self.graph.outputs)
        with torch.no_grad():
            for op in self.graph.ops:
                for v in op.operands:
                    if isinstance(v, Const) and v not in self.lanes[0].exact:
                        tensor = to_tensor(v.data, v.type.dtype)
                        for lane in self.lanes:
                            lane.exact[v] = lane.noisy[v] = tensor
                if before is not None:
                    before(op)
                for lane in self.lanes:
                    _run(op, lane)
                if after is not None:
                    after(op)
                left.subtract(op.operands)
                for v in dict.fromkeys((*op.operands, *op.results)):
                    if left[v] <= 0:
                        for lane in self.lanes:
                            lane.exact.pop(v, None)
                            lane.noisy.pop(v, None)


def _run(op: Op, lane: Lane) -> None:
    noisy = run_op(op, lane.noisy)
    if isinstance(op, FakeQuant):
        exact: tuple[torch.Tensor, ...] = (lane.exact[op.x],)
    elif all(lane.exact[v] is lane.noisy[v] for v in op.operands):
        exact = noisy
    else:
        exact = run_op(op, lane.exact)
    for r, e, n in zip(op.results, exact, noisy, strict=True):
        lane.exact[r], lane.noisy[r] = e, n


def _sample(x: torch.Tensor, axis: int, count: int) -> torch.Tensor:
    """Evenly spaced elements of every channel; an odd step runs through all columns of an image."""
    rows = x.movedim(axis, -1).reshape(-1, x.shape[axis])
    return rows[:: len(rows) // count | 1 if len(rows) > count else 1].T


def _joined(parts: list[torch.Tensor]) -> torch.Tensor:
    first = parts[0]
    return first if len(parts) == 1 or all(p is first for p in parts) or first.ndim == 0 else torch.cat(parts)
