"""Steps that learn: the scales of grids, and where asked their zero points, become parameters."""

from __future__ import annotations

import math
from math import prod
from typing import Literal

import numpy as np

from lissom.ir.constant import constant_data, is_constant
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.types import Array
from lissom.ir.values import Const
from lissom.passes import notes
from lissom.passes.graph_pass import Kind, State, graph_pass
from lissom.passes.quantize.scales import usable


@graph_pass(Kind.decide, needs=[State.floats])
def learn_steps(
    graph: Graph,
    *,
    weights: bool = True,
    activations: bool = True,
    zero_points: bool = False,
    start: Literal["calibrated", "mean"] = "calibrated",
) -> None:
    """Make the scales of grids parameters that training learns (LSQ, Esser et al. 2020, arXiv:1902.08153).

    Their gradients are multiplied by 1 / sqrt(n * high), where n is how many values of a sample share a scale.

    weights: whether those of weights learn.
    activations: whether those of activations learn; they begin where calibration put them.
    zero_points: whether zero points of activations learn too (LSQ+, Bhalgat et al. 2020, arXiv:2004.09576).
    start: where scales of weights begin; mean is 2 * mean(|w|) / sqrt(high), as in LSQ.
    """
    found = [op for op in graph.ops if isinstance(op, FakeQuant) and op.chosen is None and isinstance(op.scale, Const)]
    if not found:
        raise Error(f"graph {graph.name!r} has no grids whose steps could learn: fake_quantize(...) comes first")
    for fake in found:
        scale, zero_point = fake.scale, fake.zero_point
        assert isinstance(scale, Const)
        of_weights = is_constant(fake.x)
        if not (weights if of_weights else activations):
            continue
        data = _mean_step(fake) if of_weights and start == "mean" else scale.data
        if not scale.trainable:  # not yet, by another grid that shares it
            graph.replace(scale, Const(data, scale.name, trainable=True, loc=scale.loc))
        if zero_points and not of_weights and isinstance(zero_point, Const) and not zero_point.trainable:
            learned = Const(zero_point.data, zero_point.name, trainable=True, loc=zero_point.loc)
            graph.replace(zero_point, learned)
        graph.replace(fake, new := fake.replace(grad_factor=_factor(fake, of_weights)))
        notes.done("learn_steps", new)


def _factor(fake: FakeQuant, of_weights: bool) -> float:
    """1 / sqrt(n * Qp), where sizes that are not known, such as the batch, count as 1."""
    dims = fake.x.type.dims if of_weights else fake.x.type.dims[1:]
    n = prod(d for d in dims if isinstance(d, int)) / (fake.scale.type.size() if fake.scale.type.rank else 1)
    return 1 / math.sqrt(max(n, 1) * _high(fake))


def _high(fake: FakeQuant) -> int:
    """Steps from zero to the end of a symmetric grid, or in all of one that begins at zero."""
    zero = fake.zero_point.data.max() if isinstance(fake.zero_point, Const) else 0
    return max(1, fake.high - int(zero))


def _mean_step(fake: FakeQuant) -> Array:
    w = np.abs(constant_data(fake.x))
    rank = fake.scale.type.rank
    others = tuple(i for i in range(w.ndim) if rank == 0 or i != fake.axis % w.ndim)
    return usable(np.asarray(2 * w.mean(others) / math.sqrt(_high(fake)), np.float32))
