"""A sign or nothing for each weight."""

from __future__ import annotations

from typing import Literal

from lissom.ir.graph import Graph
from lissom.ir.ops.ternarize import Ternarize
from lissom.passes import notes
from lissom.passes.encode.layers import weights_of
from lissom.passes.graph_pass import Kind, State, graph_pass


@graph_pass(Kind.decide, needs=[State.floats], ends=[State.codeless])
def ternarize(
    graph: Graph,
    *,
    threshold: float = 0.7,
    scale: Literal["channel", "tensor"] = "channel",
    exclude: tuple[str, ...] = (),
) -> None:
    """Make weights 1, 0 or -1 times a scale (ternary weight networks, Li et al. 2016, arXiv:1605.04711).

    Training afterwards changes the real weights behind them.

    threshold: weights below this share of the mean magnitude are zero.
    scale: whether threshold and scale belong to a channel, or to all weights of a layer as in the paper.
    exclude: names of layers that stay as they are; first and last are names of those.
    """
    for w in weights_of(graph, "ternarize", exclude):
        made = Ternarize(w.const, scale, w.axis, threshold)
        graph.replace(w.const, made.named(f"{w.const.name}.ternary", w.const.loc))
        notes.done("ternarize", w.layer)
