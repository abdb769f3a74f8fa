"""The pass ``fold``."""

from __future__ import annotations

from lissom.ir.graph import Graph
from lissom.passes.graph_pass import Kind, graph_pass
from lissom.passes.rule import Rule, rewrite

RULES: tuple[Rule, ...] = ()


@graph_pass(Kind.exact)
def fold(graph: Graph) -> None:
    """Compute what can be computed now, and bring every network into its simplest form."""
    graph.prune()
    rewrite(graph, RULES)
