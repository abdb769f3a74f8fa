"""Ranks of a whole network by what they do to its output (ENC, Kim et al. 2019, arXiv:1811.12781)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from lissom.ir.graph import Graph
from lissom.ir.interpreter import execute
from lissom.ir.op import Op
from lissom.ir.tensors import to_tensor
from lissom.ir.types import Array
from lissom.ir.values import Value
from lissom.passes.factorize import ranks as policies
from lissom.passes.factorize.layer import layer_of
from lissom.passes.factorize.methods import Factorization
from lissom.passes.factorize.ranks import Choice, Ladder
from lissom.passes.least_squares.linear import Linear

PROBED_ERRORS = (0.03, 0.2)
"""A layer's weight in the sum of errors is measured at the rungs nearest to these errors."""

PROBE_SAMPLES = 32
JUDGED_SAMPLES = 64


class Chooser:
    """Finds the rungs that meet a budget."""

    def __init__(
        self,
        graph: Graph,
        able: list[Factorization],
        ladders: list[Ladder],
        budget: float,
        feeds: list[dict[str, Array]],
    ) -> None:
        self.graph, self.able, self.ladders, self.budget = graph, able, ladders, budget
        self.feeds = first_batches(feeds, JUDGED_SAMPLES)
        self.probes = first_batches(feeds, PROBE_SAMPLES)

    def uniform(self) -> Choice:
        """The same share everywhere."""
        return policies.uniform(self.ladders, self.budget)

    def enc(self) -> Choice:
        """The policy that does least to the output on data; without data, the largest product of energies."""
        product = policies.product(self.ladders, self.budget)
        if not self.feeds:
            return product
        expected = outputs_of(self.graph, self.feeds)
        candidates = [
            policies.weighted(self.ladders, self.budget, self.weights()),
            product,
            policies.equal(self.ladders, self.budget),
            self.uniform(),
        ]
        return min(candidates, key=lambda c: self.error(c, self.feeds, expected))

    def weights(self) -> list[float]:
        """What a unit of each layer's error does to the output: measured, one layer at a time."""
        expected = outputs_of(self.graph, self.probes)
        weights = []
        for i, ladder in enumerate(self.ladders):
            rungs = {
                min(
                    (j for j, r in enumerate(ladder) if r.ranks),
                    key=lambda j: abs(np.log(max(ladder[j].error, 1e-9) / e)),
                )
                for e in PROBED_ERRORS
                if any(r.ranks for r in ladder)
            }
            caused, made = 0.0, 0.0
            for j in rungs:
                alone = [0] * len(self.ladders)
                alone[i] = j
                caused += self.error(alone, self.probes, expected, only=i) * ladder[j].error
                made += ladder[j].error ** 2
            weights.append(caused / made if made else 1.0)
        return weights

    def error(
        self, choice: Choice, feeds: list[dict[str, Array]], expected: list[Array], only: int | None = None
    ) -> float:
        """Mean square of what the outputs are off by, relative to their variance."""
        copy, copies = self.graph.clone_with_map()
        for i, (f, ladder, rung) in enumerate(zip(self.able, self.ladders, choice, strict=True)):
            if ladder[rung].ranks and only in (None, i):
                copy.replace(copies[f.layer.op], f.build(ladder[rung].ranks, _twin(f, copies)))
        return output_error(expected, outputs_of(copy, feeds))


def outputs_of(graph: Graph, feeds: Iterable[dict[str, Array]]) -> list[Array]:
    """The float outputs of a graph, one after the other, batches one after the other."""
    found = []
    for feed in feeds:
        with torch.no_grad():
            results = execute(graph, {i: to_tensor(feed[i.name], i.type.dtype) for i in graph.inputs})
        found += [t.double().numpy() for t in results if t.is_floating_point()]
    return found


def output_error(expected: Sequence[Array], got: Sequence[Array]) -> float:
    """Squared difference relative to the variance over samples, over all outputs."""
    missing = sum(float(np.square(a - b).sum()) for a, b in zip(expected, got, strict=True))
    spread = sum(float(np.square(a - a.mean(0)).sum()) for a in expected)
    return missing / max(spread, 1e-30)


def first_batches(feeds: list[dict[str, Array]], samples: int) -> list[dict[str, Array]]:
    """As many whole batches as hold ``samples`` samples; at least one."""
    size = max((len(a) for a in feeds[0].values() if a.ndim), default=1) if feeds else 1
    return feeds[: max(1, samples // max(size, 1))]


def _twin(f: Factorization, copies: dict[Value, Value]) -> Linear:
    """The layer in the copy of the graph."""
    op = copies[f.layer.op]
    assert isinstance(op, Op)
    layer = layer_of(op)
    assert isinstance(layer, Linear)
    return layer
