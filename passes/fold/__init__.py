"""The pass ``fold``: what can be computed now is computed, and every network comes into its simplest form.

One file a family of rules; :data:`SPELLINGS` bring networks from different exporters to the same ops, and must see
their patterns whole, so they run to their end before :data:`MERGERS` take constants into weights.
"""

from __future__ import annotations

from lissom.ir.graph import Graph
from lissom.passes.fold import (
    batch_norm,
    canonical,
    chain,
    concat,
    constants,
    duplicates,
    gelu,
    hard_swish,
    layer_norm,
    mean_pool,
    noop,
    pad,
    split,
    transpose,
    unused,
    views,
)
from lissom.passes.graph_pass import Kind, graph_pass
from lissom.passes.rule import Rule, rewrite

SPELLINGS: tuple[Rule, ...] = (
    *constants.RULES,
    *noop.RULES,
    *unused.RULES,
    *duplicates.RULES,
    *canonical.RULES,
    *gelu.RULES,
    *hard_swish.RULES,
    *layer_norm.RULES,
    *mean_pool.RULES,
    *transpose.RULES,
    *views.RULES,
    *split.RULES,
)
MERGERS: tuple[Rule, ...] = (*batch_norm.RULES, *pad.RULES, *chain.RULES, *concat.RULES)


@graph_pass(Kind.exact)
def fold(graph: Graph, *, training: bool = False) -> None:
    """Compute what can be computed now and bring the network into its simplest form.

    Constants and shapes are folded, batch norms and constant factors go into weights, ops that change nothing and
    duplicates go away, and what exporters spell out (Gelu, LayerNormalization, HardSwish, ...) becomes one op again.
    Float results move by rounding.

    training: whether batch norms behind layers go on learning: weights are computed from theirs every time, so that a
        grid is put on folded weights (FoldBatchNormalization); to fold once more ends that.
    """
    graph.prune()
    parameters = {c for c in graph.consts if c.trainable}
    duplicates.share_constants(graph, parameters)
    rewrite(graph, SPELLINGS)
    if training:
        rewrite(graph, (batch_norm.fold_batchnorm_for_training,))
        return
    rewrite(graph, (*SPELLINGS, *MERGERS))
    duplicates.share_constants(graph, parameters)
