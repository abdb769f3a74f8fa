"""Random graphs of everything that moves channels: masked, then run == removed, then run."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.verify import verify
from lissom.passes.compare import relative_error
from lissom.passes.prune.mask import mask_units
from lissom.passes.prune.select import clusters, removed
from lissom.passes.prune.shrink import shrink_graph
from lissom.passes.prune.solve import solve
from tests.passes.prune.random_graphs import SIZE, graphs


def check_removal(graph: Graph, heads: bool, ratio: float, seed: int) -> None:
    """Units at random, ``ratio`` of every cluster, masked and then removed: the same results."""
    verify(graph)
    solution = solve(graph, heads=heads)
    scores = np.random.default_rng(seed).random(solution.count)
    ladders = [c.ladder(scores) for c in clusters(solution)]
    mask_units(graph, solution, removed(solution, ladders, [ladder.lowest(ratio) for ladder in ladders]))
    small = shrink_graph(graph, heads=heads)
    verify(small)
    x = np.random.default_rng(seed).standard_normal((2, 3, SIZE, SIZE)).astype(np.float32)
    for a, b in zip(evaluate(graph, x), evaluate(small, x), strict=True):
        assert relative_error(a, b) <= 2e-5


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(graphs(), st.booleans(), st.sampled_from([0.3, 0.5, 0.75]), st.integers(0, 99))
def test_masked_equals_removed(graph: Graph, heads: bool, ratio: float, seed: int) -> None:
    note(str(graph))
    check_removal(graph, heads, ratio, seed)
