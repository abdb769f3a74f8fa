"""What the ``samples()`` of ops are made of, and how tests run them: small, and the same on every run."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from lissom.ir.dims import Dim, bind, symbols
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.types import Array, DType, tensor
from lissom.ir.values import Const, Input, Value, producer


def value(
    name: str, *shape: Dim, dtype: DType = DType.float32, low: float | None = None, high: float | None = None
) -> Input:
    """A detached input; sizes may be symbolic (``dims.symbol("N")``). Tests draw its elements from ``[low, high)``."""
    return Input(name, tensor(dtype, *shape), origin=(low, high))


def weight(name: str, *shape: int, low: float = -1.0, high: float = 1.0, dtype: DType = DType.float32) -> Const:
    """A detached constant with pseudo-random elements in ``[low, high)`` that depend on its name and shape only."""
    return Const(random_array(name, shape, dtype, low, high), name)


def literal(name: str, data: Any, dtype: DType = DType.int64) -> Const:
    """A detached constant with the elements given."""
    return Const(np.array(data, dtype=dtype.numpy), name)


def random_array(
    key: str, shape: tuple[int, ...], dtype: DType, low: float | None = None, high: float | None = None
) -> Array:
    """Pseudo-random elements that depend on ``key`` and ``shape`` only.

    Floats are uniform in ``[low, high)``, (-2, 2) by default; integers too, (0, 10) by default; bools fair.
    """
    rng = np.random.default_rng(zlib.crc32(f"{key}{shape}".encode()))
    if dtype is DType.bool:
        return np.asarray(rng.integers(0, 2, shape)).astype(bool)
    if dtype.is_integer:
        first, last = 0 if low is None else int(low), 10 if high is None else int(high)
        return np.asarray(rng.integers(first, last, shape)).astype(dtype.numpy)
    return np.asarray(rng.uniform(-2 if low is None else low, 2 if high is None else high, shape)).astype(dtype.numpy)


def sample_inputs(op: Op) -> tuple[Input, ...]:
    """The detached inputs a sample reads, in order of first use."""
    found: dict[Input, None] = {}
    for v in op.operands:
        if isinstance(v, Input):
            found[v] = None
        elif (made := producer(v)) is not None:
            found.update(dict.fromkeys(sample_inputs(made)))
    return tuple(found)


def sample_graph(op: Op, sizes: Mapping[str, int] | None = None) -> Graph:
    """A graph of one sample: its inputs in the order of :func:`sample_inputs`, its results as ``y0``, ``y1`` ...

    ``sizes`` are put in for symbols; without them the graph stays symbolic. The sample itself stays detached.
    """
    graph = Graph(op.op_type.lower())
    twins: dict[Value, Value] = {}
    for i in sample_inputs(op):
        taken = {j.name for j in graph.inputs}
        name = next(n for n in (i.name, *(f"{i.name}{k}" for k in range(100))) if n not in taken)
        twins[i] = graph.input(name, i.type.bind(sizes or {}))
    copy = _twin(op, twins)
    graph.append(copy)
    graph.set_outputs([(f"y{i}", r) for i, r in enumerate(copy.results)])
    return graph


def _twin(op: Op, twins: dict[Value, Value]) -> Op:
    for v in op.operands:
        if v not in twins:
            made = producer(v)
            if made is None:
                twins[v] = Const(v.data, v.name) if isinstance(v, Const) else v
            else:
                twins.update(zip(made.results, _twin(made, twins).results, strict=True))
    copy = op._copy(twins)
    copy._infer()
    return copy.named(op.name or op.op_type.lower())


def sample_sizes(op: Op) -> dict[str, int]:
    """A small number for each symbol in the shapes of a sample's inputs: 2 for ``N``, 6, 8, ... for others."""
    names = {s for i in sample_inputs(op) for d in i.type.shape or () for s in symbols(d)}
    return {s: 2 if s == "N" else 6 + 2 * k for k, s in enumerate(sorted(names))}


def sample_feed(op: Op, sizes: Mapping[str, int]) -> list[Array]:
    """One array for each of :func:`sample_inputs`, drawn from the range the sample asks for."""
    feed = []
    for n, i in enumerate(sample_inputs(op)):
        shape = tuple(bind(d, sizes) for d in i.type.dims)
        static = tuple(d for d in shape if isinstance(d, int))
        if len(static) != len(shape):
            raise Error(f"sizes {dict(sizes)} leave {i.type} open")
        low, high = i.origin or (None, None)
        feed.append(random_array(f"{i.name}{n}", static, i.type.dtype, low, high))
    return feed


def int8_triple(name: str, *shape: int, scale: float = 0.04, zero_point: int = 11) -> tuple[Const, Const, Const]:
    """A detached int8 constant with its scale and zero point."""
    data = random_array(name, shape, DType.int8, -127, 128)
    return Const(data, name), literal(f"s{name}", scale, DType.float32), literal(f"z{name}", zero_point, DType.int8)


def uint8_triple(name: str, *shape: int, scale: float = 0.03, zero_point: int = 130) -> tuple[Const, Const, Const]:
    """A detached uint8 constant with its scale and zero point."""
    data = random_array(name, shape, DType.uint8, 0, 256)
    return Const(data, name), literal(f"s{name}", scale, DType.float32), literal(f"z{name}", zero_point, DType.uint8)
