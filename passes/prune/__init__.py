"""Channel removal: solve for what moves together, decide with masks, realize by shrinking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.kernels.table import channel_multiple
from lissom.passes import notes
from lissom.passes.data import Data
from lissom.passes.fold import fold
from lissom.passes.graph_pass import Kind, State, Step, graph_pass, macro_pass
from lissom.passes.prune import criteria
from lissom.passes.prune.budget import Until
from lissom.passes.prune.certificate import certificate
from lissom.passes.prune.dead import absorb_constants
from lissom.passes.prune.decide import decide
from lissom.passes.prune.drop import drop
from lissom.passes.prune.mask import mask_units
from lissom.passes.prune.recover import recover_weights
from lissom.passes.prune.shrink import dead_units, shrink_graph, shrink_units
from lissom.passes.prune.solve import solve


@graph_pass(Kind.decide, needs=[State.floats])
def mask(
    graph: Graph,
    *,
    amount: float | Until = 0.5,
    scope: Literal["uniform", "global"] = "uniform",
    criterion: criteria.Name = "l1",
    layers: dict[str, float] | None = None,
    recover: bool | None = None,
    round_to: int | None = None,
    heads: bool = True,
    samples: int = 512,
    data: Data | None,
    target: str | None,
    seed: int,
    clock: Callable[[Graph], float] | None,
) -> None:
    """Mask the least important units, and keep all shapes.

    amount: share of the units to remove, or until(macs=0.5), until(params=0.5), until(ms=2) for what may be left.
    scope: uniform removes the same share of every group, global ranks the units of all groups.
    criterion: what makes a unit important.
    layers: shares of their own for groups, by name or pattern of a weight or op that gives their channels.
    recover: whether the weights behind are solved again, on data, to do what they did; none: where there is data.
    round_to: what is left of a wide group is a multiple of this; none: what the kernels of the target like.
    heads: whether attention gives up whole heads, or width in every head.
    samples: how many samples of the data are looked at.
    """
    decision = decide(
        graph,
        amount,
        scope=scope,
        criterion=criterion,
        layers=layers,
        round_to=round_to or channel_multiple(target),
        heads=heads,
        samples=samples,
        data=data,
        seed=seed,
        clock=clock,
    )
    notes.table("channels", lambda: certificate(decision))
    original, copies = graph.clone_with_map()
    now = mask_units(graph, decision.solution, decision.removed)
    if recover or (recover is None and data is not None):
        if data is None:
            raise Error("recover=true needs data, and the run has none (--data on the command line, data= in Python)")
        stands = {copy: now.get(v, v) for v, copy in copies.items()}
        recover_weights(original, graph, stands, data, samples=samples, seed=seed)


@graph_pass(Kind.decide, needs=[State.floats])
def drop_blocks(
    graph: Graph,
    *,
    amount: int | float = 1,
    recover: bool = True,
    samples: int = 256,
    data: Data,
    seed: int,
) -> None:
    """Take out the residual branches that matter least: x + f(x) becomes x.

    amount: how many, or below 1 the share of them.
    recover: whether the weights behind are solved again to do what they did.
    samples: how many samples of the data are looked at.
    """
    original, copies = graph.clone_with_map()
    gone = set(drop(graph, amount, data, samples))
    if recover and gone:
        stands = {copy: v for v, copy in copies.items() if v.graph is graph and v not in gone}
        recover_weights(original, graph, stands, data, samples=samples, seed=seed)


@graph_pass(Kind.exact)
def drop_dead(graph: Graph, *, heads: bool = True) -> None:
    """Take out units that are constant whatever the input, or that nothing reads; what they add goes into biases.

    heads: whether attention gives up whole heads, or width in every head.
    """
    absorb_constants(graph)
    solution = solve(graph, heads=heads)
    dead = dead_units(solution)
    if (dead & solution.free).any():
        graph.become(shrink_units(graph, solution, dead))


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
    amount: float | Until = 0.5,
    scope: Literal["uniform", "global"] = "uniform",
    criterion: criteria.Name = "l1",
    layers: dict[str, float] | None = None,
    recover: bool | None = None,
    round_to: int | None = None,
    samples: int = 512,
) -> list[Step]:
    """Remove channels: fold, mask the least important, and shrink.

    what: channels, with whole heads of attention, or with the width of heads.
    amount: share of the units to remove, or until(macs=0.5), until(params=0.5), until(ms=2) for what may be left.
    scope: uniform removes the same share of every group, global ranks the units of all groups.
    criterion: what makes a unit important.
    layers: shares of their own for groups, by name or pattern of a weight or op that gives their channels.
    recover: whether the weights behind are solved again, on data, to do what they did; none: where there is data.
    round_to: what is left of a wide group is a multiple of this; none: what the kernels of the target like.
    samples: how many samples of the data are looked at.
    """
    heads = what != "width"
    chosen = mask.step(
        amount=amount,
        scope=scope,
        criterion=criterion,
        layers=layers,
        recover=recover,
        round_to=round_to,
        heads=heads,
        samples=samples,
    )
    first = [] if criterion == "bn_scale" else [fold.step()]
    return [*first, chosen, shrink.step(heads=heads), fold.step()]
