"""Low-rank factorization: one layer becomes a chain of cheaper ones with the same interface."""

from __future__ import annotations

from typing import Literal

from lissom.ir.graph import Graph
from lissom.passes.data import Data
from lissom.passes.factorize.choose import Limits, factorize_graph
from lissom.passes.factorize.keep import Keep
from lissom.passes.factorize.measure import Clock
from lissom.passes.factorize.merge import RULES
from lissom.passes.factorize.methods import Method
from lissom.passes.graph_pass import Kind, State, graph_pass
from lissom.passes.rule import rewrite


@graph_pass(Kind.decide, needs=[State.floats, State.gridless, State.maskless, State.codeless])
def factorize(
    graph: Graph,
    *,
    method: Method,
    macs: float | None = None,
    params: float | None = None,
    latency: float | None = None,
    select: Literal["enc", "uniform", "energy", "vbmf"] = "enc",
    energy: float = 0.9,
    ranks: tuple[str, ...] = (),
    layers: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    round_to: int = 1,
    keep: Keep = "if_faster",
    samples: int = 256,
    data: Data | None,
    seed: int,
    clock: Clock | None,
) -> None:
    """Replace layers by chains of low rank, where that is cheaper; with data, for the least error of their outputs.

    method: svd (k x k, 1x1), spatial_svd (k x 1, 1 x k), tucker (1x1, k x k, 1x1) or cp (1x1, k x 1, 1 x k, 1x1).
    macs: share of the network's multiply-accumulates to leave; 0.5 where ranks need a budget and none is given.
    params: share of the parameters to leave.
    latency: share of the time of the factorizable layers to leave, on the target.
    select: how ranks are chosen: for the network as a whole, the same share everywhere, by energy kept, or by
        variational Bayes.
    energy: share of the energy that energy keeps in every layer.
    ranks: ranks of single layers, as 'name=8', for tucker 'name=16x8' (outputs x inputs); names may be patterns.
    layers: names or patterns of the layers to look at; default all.
    exclude: names or patterns of layers to leave as they are.
    round_to: what ranks are multiples of.
    keep: if_faster times what is chosen on the target, and lets layers stay that are no slower as they are.
    samples: how many samples of the data are used.
    """
    factorize_graph(
        graph,
        method,
        Limits(macs, params, latency),
        select=select,
        energy=energy,
        pinned=ranks,
        layers=layers,
        exclude=exclude,
        round_to=round_to,
        keep=keep,
        samples=samples,
        data=data,
        seed=seed,
        clock=clock,
    )


@graph_pass(Kind.exact)
def merge(graph: Graph) -> None:
    """Merge two linear ops with nothing between them, where one costs no more: factorization that does not pay goes."""
    rewrite(graph, RULES)
