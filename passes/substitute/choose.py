"""Which layers a block takes the place of: all, or those that cost the output least for the MACs they save."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.conv import Conv
from lissom.ir.types import Array
from lissom.ir.values import Const, Value
from lissom.passes import notes
from lissom.passes.check import random_feed
from lissom.passes.data import Data
from lissom.passes.factorize.choose import find_layers
from lissom.passes.factorize.enc import JUDGED_SAMPLES, first_batches, output_error, outputs_of
from lissom.passes.factorize.keep import Judge
from lissom.passes.factorize.layer import layer_of
from lissom.passes.factorize.measure import macs, rebuilt
from lissom.passes.factorize.methods import Rung, detached
from lissom.passes.factorize.ranks import least, require_reachable
from lissom.passes.factorize.refit import refit
from lissom.passes.least_squares.linear import Linear
from lissom.passes.least_squares.statistics import gather
from lissom.passes.least_squares.walk import feeds_of
from lissom.passes.substitute.block import Block, Built, Site, Unsuitable
from lissom.passes.substitute.windows import window_covariances
from lissom.passes.train.normalize import normalize

RANDOM_SIZE = 32  # what free sizes are taken to be where sensitivity is measured without data


@dataclass(frozen=True, eq=False)
class Candidate:
    """A layer, its block, and MACs of both."""

    site: Site
    built: Built
    before: float
    after: float


@dataclass(frozen=True)
class Substitution:
    """A block for some layers, and how it begins: fitted to the layer, or at random."""

    block: Block
    fitted: bool = True
    ratio: float | None = None
    groups: int = 4
    relu: bool = False
    norm: bool = False
    """Whether a batch normalization follows each convolution inside the block, for training."""
    pointwise: bool = False
    """Whether it may take the place of a 1x1 convolution."""
    needs_windows: bool = False
    seed: int = 0


def substitute_layers(
    graph: Graph,
    what: Substitution,
    *,
    macs_left: float | None,
    error: float | None,
    layers: Sequence[str],
    exclude: Sequence[str],
    samples: int,
    data: Data | None,
    judge: Judge,
) -> None:
    """Put blocks in the place of layers of ``graph``. See :func:`lissom.passes.substitute.substitute`."""
    found = [v for v in find_layers(graph, layers, exclude, "substitute") if _fits(v, what.pointwise)]
    feeds = [] if data is None else feeds_of(data, samples)
    informed = bool(feeds) and what.fitted
    statistics = gather(graph, found, feeds) if informed else {}
    windows = window_covariances(graph, found, feeds, what.seed) if informed and what.needs_windows else {}
    candidates = []
    for layer in found:
        site = Site(layer, statistics.get(layer.op), windows.get(layer.op), what.ratio, what.groups, what.relu)
        try:
            built = what.block(site)
        except Unsuitable as reason:
            notes.refused("substitute", layer.op, str(reason))
            continue
        before, after = macs(layer.op), sum(map(macs, detached(built.tail)))
        if after >= before:
            notes.refused("substitute", layer.op, f"the block takes {after:g} MACs, the layer {before:g}")
            continue
        if judge.slower(layer.op, detached(built.tail)):
            judge.merge_back(layer.op)
            judge.note(layer.op, "itself again")
            notes.refused("substitute", layer.op, judge.slow[layer.op])
            continue
        candidates.append(Candidate(site, built, before, after))
    chosen = candidates
    if macs_left is not None or error is not None:
        chosen = _chosen(graph, what, candidates, macs_left, error, feeds)
    for c in candidates:
        if c not in chosen:
            notes.refused("substitute", c.site.op, "others save as many MACs for less error")
    for c in chosen:
        judge.note(c.site.op, what.block.__name__)
    judge.report()
    inside = _install(graph, what, chosen, feeds if informed else [], note=True)
    if what.norm:
        normalize(graph, inside, feeds if informed else [])


def _fits(layer: Linear, pointwise: bool) -> bool:
    """Whether the layer is a convolution that blocks are for; notes why not."""
    if isinstance(layer.op, Conv) and (pointwise or not layer.is_pointwise):
        return True
    kind = "a convolution of one tap" if isinstance(layer.op, Conv) else "a matrix product"
    notes.refused("substitute", layer.op, f"it is {kind}")
    return False


def _chosen(
    graph: Graph,
    what: Substitution,
    candidates: list[Candidate],
    macs_left: float | None,
    error: float | None,
    feeds: list[dict[str, Array]],
) -> list[Candidate]:
    """Those that meet the budget with the least sum of output errors, each measured alone, and none above ``error``."""
    judged = first_batches(feeds, JUDGED_SAMPLES) if feeds else [random_feed(graph, RANDOM_SIZE, what.seed)]
    expected = outputs_of(graph, judged)
    errors = []
    for c in candidates:
        copy, copies = graph.clone_with_map()
        with notes.recording():  # of a trial nobody wants to read
            _install(copy, what, [_moved(c, what.block, copies)], feeds if what.fitted else [])
        errors.append(output_error(expected, outputs_of(copy, judged)))
    allowed = [(c, e) for c, e in zip(candidates, errors, strict=True) if error is None or e <= error]
    if macs_left is None:
        return [c for c, _ in allowed]
    ladders = [[Rung((), 0.0, c.before), Rung((1,), e, c.after)] for c, e in allowed]
    whole = float(sum(map(macs, graph.ops)))
    rest = whole - sum(c.before for c, _ in allowed)
    require_reachable(ladders, macs_left * whole - rest, rest, "MACs", "substituting every layer that may be leaves")
    choice = least([[r.error for r in x] for x in ladders], ladders, macs_left * whole - rest)
    return [c for (c, _), rung in zip(allowed, choice, strict=True) if rung]


def _moved(c: Candidate, block: Block, copies: dict[Value, Value]) -> Candidate:
    """The candidate on a copy of its graph."""
    op = copies[c.site.op]
    assert isinstance(op, Op)
    layer = layer_of(op)
    assert isinstance(layer, Linear)
    site = replace(c.site, layer=layer)
    return Candidate(site, block(site), c.before, c.after)


def _install(
    graph: Graph, what: Substitution, chosen: list[Candidate], feeds: list[dict[str, Array]], note: bool = False
) -> list[Op]:
    """Replace the layers, and fit what can be fitted on data; or make all weights random. Returns the convolutions
    inside the blocks, before those that end them."""
    original, copies = graph.clone_with_map() if feeds else (graph, {})
    was: dict[Value, Value] = dict(copies)
    fits = []
    inside: list[Op] = []
    rng = np.random.default_rng(what.seed)
    for c in chosen:
        if note:
            notes.done("substitute", c.site.op, f"{c.before:g} -> {c.after:g} MACs")
        op = c.site.op
        ends = [detached(c.built.tail).index(end) for end, _ in c.built.fits]
        tail = c.built.tail if what.fitted else _at_random(c.built.tail, rng)
        inside += [o for i, o in enumerate(detached(tail)) if isinstance(o, Conv) and i not in ends]
        graph.replace(op, tail)
        if feeds:
            was[tail] = copies[op]
            fits += c.built.to_fit()
    if fits:
        refit(original, graph, was, fits, feeds, what.seed)
    return inside


def _at_random(tail: Op, rng: np.random.Generator) -> Op:
    """The block with weights drawn as for training from scratch (He et al. 2015, arXiv:1502.01852); biases stay."""
    now: dict[Value, Value] = {}
    for op in detached(tail):
        if isinstance(op, Conv) and isinstance(op.w, Const):
            shape = op.w.data.shape
            drawn = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
            now[op.w] = op.w.replace(drawn.astype(op.w.data.dtype))
        now[op] = rebuilt(op, now)
    made = now[tail]
    assert isinstance(made, Op)
    return made
