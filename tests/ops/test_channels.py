"""Masked, then run == removed, then run: for every sample of every op, with channels on all axes of its float operands.

Each float input is a random input whose axes are mixed by weights, so that every axis has channels of its own; every
axis of a float result is read by weights. Half of the channels go, at random.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_lowercase, ascii_uppercase

import numpy as np
import pytest

from lissom.ir.dims import bind
from lissom.ir.graph import Graph, Stage
from lissom.ir.interpreter import evaluate
from lissom.ir.op import Op
from lissom.ir.ops.einsum import Einsum
from lissom.ir.samples import sample_feed, sample_graph, sample_inputs, sample_sizes
from lissom.ir.types import DType
from lissom.ir.values import Const, Value
from lissom.ir.verify import verify
from lissom.passes.compare import relative_error
from lissom.passes.prune.mask import mask_units
from lissom.passes.prune.select import clusters, removed
from lissom.passes.prune.shrink import shrink_graph
from lissom.passes.prune.solve import Solution, solve


def applies(op: Op) -> bool:
    """Not ops whose results are the sizes that change."""
    sizes = sample_sizes(op)
    return any(mixable(v, sizes) for v in sample_inputs(op)) and op.op_type not in ("Opaque", "Shape", "Size")


def mixable(v: Value, sizes: Mapping[str, int]) -> bool:
    shape = [bind(d, sizes) for d in v.type.dims] if v.type.shape is not None else []
    return v.type.dtype is DType.float32 and 1 <= len(shape) <= 6 and 0 not in shape


def mixed(value: Value, sizes: tuple[int, ...], rng: np.random.Generator) -> Op:
    """``value`` with each axis mixed by weights that add up to 1: within the range its elements come from."""
    inside = ascii_lowercase[: value.type.rank]
    terms, weights = [inside], []
    for small, large, old, new in zip(inside, ascii_uppercase, value.type.dims, sizes, strict=False):
        assert isinstance(old, int)
        w = rng.uniform(0.1, 1, (old, new)).astype(np.float32)
        weights.append(Const(w / w.sum(0), f"mix.{value.name}.{small}"))
        terms.append(small + large)
    return Einsum((value, *weights), f"{','.join(terms)}->{ascii_uppercase[: value.type.rank]}")


def surrounded(sample: Op) -> Graph:
    rng = np.random.default_rng(0)
    sizes = sample_sizes(sample)
    graph = sample_graph(sample, sizes)
    for i in graph.inputs:
        if mixable(i, sizes):
            graph.replace(i, mixed(i, i.type.static or (), rng).named(f"{i.name}.mixed"))
    outputs = []
    for name, v in zip(graph.output_names, graph.outputs, strict=True):
        read = v.type.dtype is DType.float32 and v.type.static is not None and 1 <= v.type.rank <= 6
        outputs.append((name, mixed(v, (2,) * v.type.rank, rng).named(f"{name}.read") if read else v))
    graph.set_outputs(outputs)
    return graph


def some(solution: Solution, seed: int) -> np.ndarray:
    """About half of the units of every cluster, at random, as its balances allow."""
    scores = np.random.default_rng(seed).random(solution.count)
    ladders = [c.ladder(scores) for c in clusters(solution)]
    return removed(solution, ladders, [ladder.lowest(0.6) for ladder in ladders])


@pytest.mark.parametrize("heads", [True, False], ids=["heads", "width"])
def test_masked_equals_removed(sample: Op, heads: bool) -> None:
    graph = surrounded(sample)
    solution = solve(graph, heads=heads)
    mask_units(graph, solution, some(solution, 0))
    small = shrink_graph(graph, heads=heads)
    feed = sample_feed(sample, sample_sizes(sample))
    for a, b in zip(evaluate(graph, *feed), evaluate(small, *feed), strict=True):
        assert relative_error(a, b) <= 1e-5
    small.stage = Stage.decided  # FakeQuant and Mask among the samples
    verify(small)
