"""Channel removal: solve for what moves together, decide with masks, realize by shrinking."""

from __future__ import annotations

from typing import Literal

from lissom.ir.graph import Graph
from lissom.passes.fold import fold
from lissom.passes.graph_pass import Kind, Step, graph_pass, macro_pass
from lissom.passes.prune.criteria import score
from lissom.passes.prune.mask import mask_units
from lissom.passes.prune.select import uniform
from lissom.passes.prune.shrink import shrink_graph
from lissom.passes.prune.solve import solve


@graph_pass(Kind.decide)
def mask(
    graph: Graph,
    *,
    ratio: float = 0.5,
    criterion: Literal["l1", "l2", "bn_scale", "geometric_median", "random"] = "l1",
    round_to: int = 8,
    heads: bool = True,
    seed: int,
) -> None:
    """Mask the least important units, and keep all shapes.

    ratio: share of the units of every group to remove.
    criterion: what makes a unit important.
    round_to: what is left of a wide group is a multiple of this.
    heads: whether attention gives up whole heads, or width in every head.
    """
    solution = solve(graph, heads=heads)
    mask_units(graph, solution, uniform(solution, score(solution, criterion, seed), ratio, round_to))


@graph_pass(Kind.realize)
def shrink(graph: Graph, *, heads: bool = True) -> None:
    """Take out all units that nothing reads, and make the graph anew in its smaller size.

    heads: whether attention gives up whole heads, or width in every head.
    """
    graph.become(shrink_graph(graph, heads=heads))


@macro_pass
def prune(
    *,
    what: Literal["channels", "heads", "width"] = "channels",
    ratio: float = 0.5,
    criterion: Literal["l1", "l2", "bn_scale", "geometric_median", "random"] = "l1",
    round_to: int = 8,
) -> list[Step]:
    """Remove channels: fold, mask the least important, and shrink.

    what: channels, with whole heads of attention, or with the width of heads.
    ratio: share of the units of every group to remove.
    criterion: what makes a unit important.
    round_to: what is left of a wide group is a multiple of this.
    """
    heads = what != "width"
    return [
        fold.step(),
        mask.step(ratio=ratio, criterion=criterion, round_to=round_to, heads=heads),
        shrink.step(heads=heads),
        fold.step(),
    ]
