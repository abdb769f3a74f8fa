"""Substitution: a layer becomes a cheaper block with the same interface, an activation a cheaper function."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Literal

from lissom.ir.graph import Graph
from lissom.passes import notes
from lissom.passes.data import Data
from lissom.passes.factorize.keep import Judge, Keep
from lissom.passes.factorize.measure import Clock
from lissom.passes.graph_pass import Kind, State, graph_pass
from lissom.passes.least_squares.walk import feeds_of
from lissom.passes.substitute import activation
from lissom.passes.substitute.block import Block
from lissom.passes.substitute.choose import Substitution, substitute_layers
from lissom.passes.substitute.ghost import ghost
from lissom.passes.substitute.grouped import depthwise_separable, grouped
from lissom.passes.substitute.narrow import bottleneck, fire, inverted_residual
from lissom.passes.substitute.shuffle import grouped_shuffle
from lissom.passes.substitute.stack import small_kernels

BLOCKS: dict[str, Block] = {
    "depthwise_separable": depthwise_separable,
    "grouped": grouped,
    "grouped_shuffle": grouped_shuffle,
    "bottleneck": bottleneck,
    "fire": fire,
    "ghost": ghost,
    "inverted_residual": inverted_residual,
    "small_kernels": small_kernels,
}


@graph_pass(Kind.decide, needs=[State.floats, State.gridless, State.maskless, State.codeless])
def substitute(
    graph: Graph,
    *,
    what: Literal[
        "depthwise_separable",
        "grouped",
        "grouped_shuffle",
        "bottleneck",
        "fire",
        "ghost",
        "inverted_residual",
        "small_kernels",
        "activation",
    ],
    to: activation.Target = "hard_swish",
    macs: float | None = None,
    error: float | None = None,
    layers: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    ratio: float | None = None,
    groups: int = 4,
    inner: Literal["none", "relu"] = "none",
    norm: bool = False,
    init: Literal["fit", "random"] = "fit",
    keep: Keep = "if_faster",
    samples: int = 256,
    data: Data | None,
    seed: int,
    clock: Clock | None,
) -> None:
    """Put cheap blocks in the place of convolutions, or cheap functions in that of activations; interfaces stay.

    what: the block, or activation.
    to: what smooth activations become.
    macs: share of the network's multiply-accumulates to leave: layers that cost the output least go; default all.
    error: the largest error of the output, relative to its variance, that a single layer may cause.
    layers: names or patterns of the layers to look at; default all.
    exclude: names or patterns of layers to leave as they are.
    ratio: width inside the block; what it is relative to, and its default, is the block's own.
    groups: number of groups of grouped and grouped_shuffle.
    inner: the activation between the convolutions of a block.
    norm: whether a batch normalization follows each convolution inside a block, the identity until it is trained with
        batch_norm=batch; fold takes it away.
    init: fit (to the weights, and with data to what the layer puts out) or random.
    keep: if_faster times every block on the target, and lets layers stay that are no slower as they are.
    samples: how many samples of the data are used.
    """
    if what == "activation":
        _substitute_activations(graph, to, layers, exclude, init == "fit", samples, data, seed)
        return
    settings = Substitution(
        BLOCKS[what],
        init == "fit",
        ratio,
        groups,
        inner == "relu",
        norm,
        pointwise=what == "grouped_shuffle",
        needs_windows=what == "depthwise_separable",
        seed=seed,
    )
    substitute_layers(
        graph,
        settings,
        macs_left=macs,
        error=error,
        layers=layers,
        exclude=exclude,
        samples=samples,
        data=data,
        judge=Judge(clock, keep),
    )


def _substitute_activations(
    graph: Graph,
    to: activation.Target,
    layers: tuple[str, ...],
    exclude: tuple[str, ...],
    fitted: bool,
    samples: int,
    data: Data | None,
    seed: int,
) -> None:
    activation.spell_out(graph)
    ops = [op for op in activation.activations(graph) if not layers or any(fnmatchcase(op.name, p) for p in layers)]
    feeds = feeds_of(data, samples) if data is not None and fitted else []
    seen = activation.inputs_of(graph, ops, feeds, seed) if fitted else {}
    for op in ops:
        if any(fnmatchcase(op.name, p) for p in exclude):
            notes.refused("substitute", op, "it is excluded")
            continue
        new = activation.replacement(op, to, seen.get(op))
        if isinstance(new, str):
            notes.refused("substitute", op, new)
        else:
            notes.done("substitute", op, f"to {to}")
            graph.replace(op, new.named(op.name, op.loc))
