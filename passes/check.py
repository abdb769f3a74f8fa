"""The numeric check of a pass: the graph before it and the graph after it, run on the same inputs."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from lissom.ir.dims import SymDim, symbols
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.interpreter import check_inputs, evaluate, execute
from lissom.ir.op import Op
from lissom.ir.tensors import to_array, to_tensor
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Const, Value
from lissom.passes.compare import Comparison, Verdict, relative_error
from lissom.passes.data import Data

Feed = Mapping[str, Array]

SAMPLES = 4
"""How many samples of the data a check runs on, where the batch is free."""

TRIED_SIZES = (4, 16, 32, 64, 224)
"""Sizes tried for a symbol that is not the batch, until the graph can be run: strides need room."""


@dataclass(frozen=True)
class Measured:
    """The inputs a run is checked on, and the outputs of a graph; or why there are none."""

    feed: Feed
    outputs: list[Array]
    reason: str = ""


def measure(graph: Graph, data: Data | None, seed: int) -> Measured:
    """Run the graph on the first samples of the data, or on random inputs of its declared types."""
    if data is not None:
        return run_on(graph, data.first(SAMPLES).feed)
    found = Measured({}, [], "it has inputs without a shape")
    if all(i.type.shape is not None for i in graph.inputs):
        for size in TRIED_SIZES:
            try:
                found = run_on(graph, random_feed(graph, size, seed))
            except Error as e:
                return Measured({}, [], str(e))
            if not found.reason or not _free_sizes(graph):
                break
    return found


def run_on(graph: Graph, feed: Feed) -> Measured:
    """The outputs of the graph on ``feed``; a graph that cannot be evaluated gives the reason."""
    try:
        return Measured(feed, evaluate(graph, *(feed[i.name] for i in graph.inputs)))
    except Error as e:
        return Measured(feed, [], str(e))


def random_feed(graph: Graph, size: int, seed: int) -> dict[str, Array]:
    """Random inputs: floats normal, integers 0 or 1 (which index anything), the batch 2, other free sizes ``size``."""
    sizes = dict.fromkeys(_free_sizes(graph), size)
    for i in graph.inputs:
        if i.type.dims and isinstance(i.type.dims[0], SymDim):
            sizes |= dict.fromkeys(symbols(i.type.dims[0]), 2)
    feed = {}
    for number, i in enumerate(graph.inputs):
        rng = np.random.default_rng([seed, number, zlib.crc32(i.name.encode())])
        feed[i.name] = _random(i.type.bind(sizes), rng)
    return feed


def _random(type: TensorType, rng: np.random.Generator) -> Array:
    shape = tuple(d for d in type.dims if isinstance(d, int))
    if type.dtype is DType.string:
        return np.full(shape, "a", dtype=object)
    drawn = rng.standard_normal(shape) if type.dtype.is_float else rng.integers(0, 2, shape)
    return np.asarray(drawn).astype(type.dtype.numpy)


def _free_sizes(graph: Graph) -> set[str]:
    return {name for i in graph.inputs for d in i.type.dims for name in symbols(d)}


def compare_outputs(
    before: Measured, after: Measured, graph: Graph, comparison: Comparison, noise: list[float] | None = None
) -> Verdict:
    """The worst verdict over the outputs of ``graph``, which is the graph after the pass.

    ``noise`` holds for each output the relative error that is rounding, which counts as agreement.
    """
    worst = Verdict(True, 0.0, "no outputs")
    allowed = noise or [0.0] * len(graph.outputs)
    rows = zip(graph.output_names, graph.outputs, before.outputs, after.outputs, allowed, strict=True)
    for name, value, a, b, rounding in rows:
        verdict = comparison(a, b, value)
        agrees = verdict.agrees or verdict.error <= rounding
        if (not agrees, verdict.error) >= (not worst.agrees, worst.error):
            worst = Verdict(agrees, verdict.error, f"output {name!r}: {verdict.text}")
    return worst


NOISE = 8
"""An exact pass may move an output by this many times what one rounding of every weight does."""


def rounding_noise(graph: Graph, measured: Measured) -> list[float]:
    """How far each output moves when every weight is off by up to one rounding: what no exact pass can avoid.

    A weight is a float constant of two or more axes; others may say how an op works (the scales of a Resize).
    """
    rng = torch.Generator().manual_seed(0)

    def jitter(c: Const) -> torch.Tensor:
        exact = to_tensor(c.data, c.type.dtype)
        if c.type.dtype not in (DType.float32, DType.float64) or c.data.ndim < 2:
            return exact
        unit = torch.rand(exact.shape, generator=rng, dtype=exact.dtype) * 2 - 1
        return exact * (1 + torch.finfo(exact.dtype).eps * unit)

    tensors = {i: to_tensor(a, i.type.dtype) for i, a in check_inputs(graph, measured.feed).items()}
    with torch.no_grad():
        moved = execute(graph, tensors, constant=jitter)
    arrays = [to_array(t, v.type.dtype) for t, v in zip(moved, graph.outputs, strict=True)]
    return [NOISE * relative_error(a, b) for a, b in zip(measured.outputs, arrays, strict=True)]


SHIFT = 2.0**-11
"""How far, relatively, scales of grids are moved to see what roundings that fall to the other side do: 1/32 of a step
at the middle of a grid's half, where an integer bias or a float32 sum moves values by about that."""
DRAWS = 4
"""Random moves that are tried."""


def grid_noise(graph: Graph, measured: Measured) -> list[float]:
    """How far each output moves when values fall to the other side of a rounding boundary here and there.

    The scale of every grid that values (not weights) lie on is moved by up to ``SHIFT``. A rounding that comes out
    otherwise makes others come out otherwise behind it; where a network amplifies that, no two ways to compute it in
    integers agree better, however exact they are.
    """
    grids = {
        op.operands[1]
        for op in graph.ops
        if op.op_type in ("FakeQuant", "QuantizeLinear", "DequantizeLinear") and not isinstance(op.operands[0], Const)
    }
    rng = torch.Generator().manual_seed(0)

    def moved(c: Const) -> torch.Tensor:
        exact = to_tensor(c.data, c.type.dtype)
        return exact * (1 + SHIFT * (torch.rand(exact.shape, generator=rng) * 2 - 1)) if c in grids else exact

    largest = [0.0] * len(graph.outputs)
    for _ in range(DRAWS if grids else 0):
        tensors = {i: to_tensor(a, i.type.dtype) for i, a in check_inputs(graph, measured.feed).items()}
        with torch.no_grad():
            found = execute(graph, tensors, constant=moved)
        arrays = [to_array(t, v.type.dtype) for t, v in zip(found, graph.outputs, strict=True)]
        errors = [relative_error(a, b) for a, b in zip(measured.outputs, arrays, strict=True)]
        largest = [max(pair) for pair in zip(largest, errors, strict=True)]
    return [2 * e for e in largest]


def first_difference(before: Graph, after: Graph, feed: Feed, comparison: Comparison) -> Op | None:
    """The first op of ``after`` with a counterpart in ``before``, by name and type, that computes something else.

    A rewrite may leave a name on a value that now stands for a later one (a convolution that took in its batch norm),
    so a value also counts as right when it equals any value of its type that ``before`` computes.
    """
    known = _values(before, feed)
    by_type: dict[tuple[DType, tuple[int, ...]], list[Array]] = {}
    names: set[tuple[str, DType, tuple[int, ...]]] = set()
    for v, a in known.items():
        by_type.setdefault((v.type.dtype, a.shape), []).append(a)
        names.add((v.name, v.type.dtype, a.shape))
    for v, a in _values(after, feed).items():
        op = v if isinstance(v, Op) else None
        if op is None or (v.name, v.type.dtype, a.shape) not in names:
            continue
        if not any(comparison(expected, a, v).agrees for expected in by_type[v.type.dtype, a.shape]):
            return op
    return None


def _values(graph: Graph, feed: Feed) -> dict[Value, Array]:
    kept: dict[Value, Array] = {}

    def keep(value: Value, tensor: torch.Tensor) -> None:
        kept[value] = to_array(tensor, value.type.dtype)

    tensors = {i: to_tensor(a, i.type.dtype) for i, a in check_inputs(graph, feed).items()}
    with torch.no_grad():
        execute(graph, tensors, observe=keep)
    return kept


def decided_error(before: Measured, after: Measured) -> float:
    """How far the outputs of a decide pass are from those before it: the largest relative error over the outputs."""
    return max((relative_error(a, b) for a, b in zip(before.outputs, after.outputs, strict=True)), default=0.0)
