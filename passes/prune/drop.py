"""Dropping whole residual branches by what that does to the outputs, measured on data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.types import Array
from lissom.ir.values import Const, Input, Value, producer
from lissom.passes import notes
from lissom.passes.data import Batch, Data


@dataclass(frozen=True, eq=False)
class Block:
    """A residual branch: ``end`` adds what the branch makes of ``start`` to ``start`` itself."""

    end: Add
    start: Value
    inside: tuple[Op, ...]


def blocks(graph: Graph) -> list[Block]:
    """All residual branches, in order: additions one side of which comes from the other, and from nothing else."""
    found = []
    for op in graph.ops:
        if not isinstance(op, Add):
            continue
        for start, branch in ((op.a, op.b), (op.b, op.a)):
            inside = _between(start, branch)
            if inside and start.type == op.type and not any(graph.is_output(v) for v in inside):
                found.append(Block(op, start, tuple(inside)))
                break
    return found


def _between(start: Value, end: Value) -> list[Op]:
    """The ops that compute ``end`` from ``start``; none where it also depends on other inputs, or not on ``start``."""
    pending, inside, reached = [end], dict[Op, None](), False
    while pending:
        v = pending.pop()
        if v is start:
            reached = True
            continue
        op = producer(v)
        if isinstance(v, Const) or op in inside:
            continue
        if op is None or isinstance(v, Input) or len(inside) >= LONGEST:
            return []
        inside[op] = None
        pending += op.operands
    return list(inside) if reached else []


LONGEST = 200
"""Ops in a branch, at most."""


def drop(graph: Graph, amount: int | float, data: Data, samples: int) -> list[Add]:
    """Take branches out, always the one without which the outputs change least. Returns the additions at their ends.

    ``amount`` is a number of branches, or below 1 the share of them. The change is that of the outputs of the whole
    network, against those of the network as it was: greedy, so that later branches are judged without the earlier.
    Raises Error for more branches than there are.
    """
    there = blocks(graph)
    count = amount if isinstance(amount, int) else int(amount * len(there) + 1e-9)
    if not 0 <= count <= len(there):
        raise Error(f"{count} residual branches cannot be dropped: {graph.name!r} has {len(there)}")
    batches = _first(data, samples)
    wanted = [outputs(graph, b) for b in batches]
    gone: list[Add] = []
    while len(gone) < count:
        left = blocks(graph)
        if not left:
            raise Error(f"only {len(gone)} residual branches of {graph.name!r} can be dropped together")
        errors = [_error(_without(graph, b), batches, wanted) for b in left]
        best = int(np.argmin(errors))
        for b, e in zip(left, errors, strict=True):
            if b is not left[best]:
                notes.refused("drop_blocks", b.end, f"without it the outputs change by {e:.3g} of their deviation")
        notes.done("drop_blocks", left[best].end, f"without it the outputs change by {errors[best]:.3g}")
        graph.replace(left[best].end, left[best].start)
        gone.append(left[best].end)
    return gone


def outputs(graph: Graph, batch: Batch) -> list[Array]:
    """The outputs on a batch, without what only fills it up."""
    found = evaluate(graph, *(batch.feed[i.name] for i in graph.inputs))
    return [a[: batch.count] if a.ndim and len(a) >= batch.count else a for a in found]


def output_error(wanted: Iterable[list[Array]], got: Iterable[list[Array]]) -> float:
    """Root mean square difference relative to the outputs' deviation, the worst over the outputs."""
    sides = zip(_by_output(wanted), _by_output(got), strict=True)
    pairs = [(np.concatenate(_flat(a)), np.concatenate(_flat(b))) for a, b in sides]
    return max((float(np.sqrt(np.mean((a - b) ** 2)) / (a.std() or 1.0)) for a, b in pairs), default=0.0)


def _by_output(batches: Iterable[list[Array]]) -> list[tuple[Array, ...]]:
    return list(zip(*batches, strict=True))


def _flat(arrays: Iterable[Array]) -> list[npt.NDArray[np.float64]]:
    return [a.reshape(-1).astype(np.float64) for a in arrays]


def _first(data: Data, samples: int) -> list[Batch]:
    found: list[Batch] = []
    for batch in data.batches(min(64, samples)):
        found.append(batch)
        if sum(b.count for b in found) >= samples:
            break
    return found


def _without(graph: Graph, block: Block) -> Graph:
    copy, copies = graph.clone_with_map()
    copy.replace(copies[block.end], copies[block.start])
    return copy


def _error(graph: Graph, batches: list[Batch], wanted: list[list[Array]]) -> float:
    return output_error(wanted, [outputs(graph, b) for b in batches])
