"""What a layer or the chain in its place costs: multiply-accumulates, parameters, or time by the clock of the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

import numpy as np
import torch

from lissom.ir.dims import Dim, SymDim, bind, symbols
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.interpreter import execute
from lissom.ir.op import Op
from lissom.ir.ops.conv import Conv
from lissom.ir.types import Array, TensorType, tensor
from lissom.ir.values import Const, Value

Clock: TypeAlias = Callable[[Graph], float]
"""Milliseconds that a run of a graph takes on the target: measured, or from a table."""

FREE_SIZE = 64
"""What height and width count as where the network takes any: as 1, kernels would not fit."""

PROBES = 6
"""Ranks of a layer whose chains are timed; the time of those between follows from their MACs."""

REPEATS = 5


@dataclass(frozen=True)
class Measure:
    """A cost of ops that stand one behind the other. ``probes``: how many of a layer's chains are worth measuring."""

    unit: str
    of: Callable[[Sequence[Op]], float]
    probes: int | None = None

    def __call__(self, ops: Sequence[Op]) -> float:
        return self.of(ops)


def macs(op: Op) -> float:
    """Multiply-accumulates of one sample; other free sizes than the batch count as :data:`FREE_SIZE`."""
    first, *others = op.type.shape or (1,)
    free = set().union(*map(symbols, others))
    if not isinstance(op, Conv) or not free:
        return op.macs()
    sizes: dict[str, Dim] = {s: 1 if s in symbols(first) else FREE_SIZE for s in free | symbols(first)}
    return op.type.bind(sizes).size() * prod(d for d in op.w.type.dims[1:] if isinstance(d, int))


def params(op: Op) -> float:
    """Elements of the constants an op reads."""
    return sum(v.data.size for v in dict.fromkeys(op.operands) if isinstance(v, Const))


MACS = Measure("MACs", lambda ops: sum(map(macs, ops)))
PARAMS = Measure("parameters", lambda ops: sum(map(params, ops)))


def timed(clock: Clock) -> Measure:
    """Milliseconds by a clock. Ops of the same form are timed once."""
    known: dict[tuple[object, ...], float] = {}

    def milliseconds(ops: Sequence[Op]) -> float:
        form = tuple((type(op), *sorted(op.attributes.items()), *map(_form, op.operands)) for op in ops)
        if form not in known:
            known[form] = clock(alone(ops))
        return known[form]

    return Measure("ms", milliseconds, PROBES)


def torch_clock(graph: Graph) -> float:
    """Milliseconds of a run by the interpreter on one thread: what there is where the run has no clock."""
    inputs = {i: torch.zeros(_static(i.type), dtype=i.type.dtype.torch) for i in graph.inputs}
    threads, best = torch.get_num_threads(), float("inf")
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            execute(graph, inputs)
            for _ in range(REPEATS):
                began = time.perf_counter()
                execute(graph, inputs)
                best = min(best, time.perf_counter() - began)
    finally:
        torch.set_num_threads(threads)
    return best * 1e3


def alone(ops: Sequence[Op]) -> Graph:
    """A graph of these ops only, for one sample, with random weights; what they read from elsewhere are its inputs."""
    graph = Graph("layer")
    rng = np.random.default_rng(0)
    now: dict[Value, Value] = {}
    for op in ops:
        for v in dict.fromkeys(op.operands):
            if isinstance(v, Const):
                now[v] = Const(_drawn(v.data, rng), v.name)
            elif v is not None and v not in now:
                now[v] = graph.input(f"x{len(graph.inputs)}", tensor(v.type.dtype, *_static(v.type)))
        made = rebuilt(op, now)
        graph.append(made)
        now.update(zip(op.results, made.results, strict=True))
    graph.set_outputs({"y": now[ops[-1]]})
    return graph


def rebuilt(op: Op, now: dict[Value, Value]) -> Op:
    """A detached copy of an op, on ``now[v]`` for every operand ``v`` that is in ``now``."""
    changes: dict[str, object] = {}
    for f in type(op).fields:
        held = getattr(op, f.name)
        if isinstance(held, tuple) and any(isinstance(v, Value) for v in held):
            changes[f.name] = tuple(now.get(v, v) for v in held)
        elif isinstance(held, Value):
            changes[f.name] = now.get(held, held)
    return op.replace(**changes)


def _drawn(data: Array, rng: np.random.Generator) -> Array:
    """Weights of no special form: kernels that skip zeros gain nothing here."""
    return rng.standard_normal(data.shape).astype(data.dtype) if np.issubdtype(data.dtype, np.floating) else data


def _form(v: Value | None) -> object:
    return None if v is None else (isinstance(v, Const), v.type.dtype, _static(v.type))


def _static(type: TensorType) -> tuple[int, ...]:
    """The shape for one sample, with :data:`FREE_SIZE` for other free sizes."""
    if type.shape is None:
        raise Error("the shape is not known, so it cannot be timed")
    batch = symbols(type.dims[0]) if type.dims else ()
    sizes = []
    for d in type.dims:
        size = bind(d, {s: 1 if s in batch else FREE_SIZE for s in symbols(d)}) if isinstance(d, SymDim) else d
        assert isinstance(size, int)
        sizes.append(size)
    return tuple(sizes)
