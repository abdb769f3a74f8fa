"""From a graph and what may be left of it to the ranks of its layers, and to the factorized graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.types import Array
from lissom.ir.values import Value
from lissom.passes import notes
from lissom.passes.data import Data
from lissom.passes.factorize.enc import Chooser
from lissom.passes.factorize.keep import Judge, Keep
from lissom.passes.factorize.layer import layer_of
from lissom.passes.factorize.measure import MACS, PARAMS, Clock, Measure, timed, torch_clock
from lissom.passes.factorize.methods import Factorization, Method, Ranks, Rung
from lissom.passes.factorize.ranks import Ladder, require_reachable
from lissom.passes.factorize.refit import Fit, refit
from lissom.passes.fold import constants
from lissom.passes.least_squares.linear import Linear
from lissom.passes.least_squares.statistics import gather
from lissom.passes.least_squares.walk import feeds_of
from lissom.passes.rule import rewrite


@dataclass(frozen=True)
class Limits:
    """What may be left, as shares of what there was; at most one is given."""

    macs: float | None = None
    params: float | None = None
    latency: float | None = None

    def __post_init__(self) -> None:
        given = [s for s in (self.macs, self.params, self.latency) if s is not None]
        if len(given) > 1:
            raise Error("factorize takes one budget: macs, params or latency")
        if any(not 0 < s <= 1 for s in given):
            raise Error(f"a budget is a share above 0 and up to 1, got {given[0]:g}")

    @property
    def share(self) -> float | None:
        """The budget that is given."""
        return next((s for s in (self.macs, self.params, self.latency) if s is not None), None)

    def measure(self, clock: Clock | None) -> Measure:
        """What is counted: time by ``clock``, or where there is none by PyTorch here."""
        if self.latency is not None:
            return timed(clock or torch_clock)
        return PARAMS if self.params is not None else MACS

    def rest(self, graph: Graph, layers: Iterable[Linear]) -> float:
        """The cost of everything that is no layer; time is only measured of layers."""
        if self.latency is not None:
            return 0.0
        measure = self.measure(None)
        whole = sum(c.data.size for c in graph.consts) if self.params is not None else measure(graph.ops)
        return whole - sum(measure([layer.op]) for layer in layers)


def factorize_graph(
    graph: Graph,
    method: Method,
    limits: Limits,
    *,
    select: str = "enc",
    energy: float = 0.9,
    pinned: tuple[str, ...] = (),
    layers: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    round_to: int = 1,
    keep: Keep = "if_faster",
    samples: int = 256,
    data: Data | None = None,
    seed: int = 0,
    clock: Clock | None = None,
) -> None:
    """Factorize the layers of ``graph`` in place. See :func:`lissom.passes.factorize.factorize`."""
    found = find_layers(graph, layers, exclude, "factorize")
    feeds = [] if data is None else feeds_of(data, samples)
    statistics = gather(graph, found, feeds) if feeds else {}
    able = [Factorization(layer, method, statistics.get(layer.op), seed) for layer in found]
    given = _pinned(pinned, able)
    measure = limits.measure(clock)
    rest = limits.rest(graph, found)
    whole = rest + sum(measure([layer.op]) for layer in found)
    budget = (limits.share if limits.share is not None else 0.5) * whole - rest

    def ladder(f: Factorization) -> Ladder:
        if f.layer.op in given:
            return f.ladder_of(given[f.layer.op], measure)[-1:]
        return f.ladder_of(f.by_vbmf(), measure) if select == "vbmf" else f.ladder(measure, round_to)

    def pick(ladders: list[Ladder]) -> list[Rung]:
        if select == "energy":
            return [min((r for r in x if r.error <= 1 - energy), key=lambda r: r.cost) for x in ladders]
        if select == "vbmf":
            return [x[-1] for x in ladders]
        if limits.share is None and given:
            return [x[0] for x in ladders]
        require_reachable(ladders, budget, rest, measure.unit, "ranks of 1 leave")
        chooser = Chooser(graph, able, ladders, budget, feeds)
        choice = chooser.uniform() if select == "uniform" else chooser.enc()
        return [x[i] for x, i in zip(ladders, choice, strict=True)]

    judge = Judge(clock, keep)
    ladders = [ladder(f) for f in able]
    rungs = pick(ladders)
    while slow := [
        i
        for i, (f, rung) in enumerate(zip(able, rungs, strict=True))
        if rung.ranks and judge.slower(f.layer.op, f.sketch(rung.ranks)) and f.layer.op not in given
    ]:
        for i in slow:
            judge.merge_back(able[i].layer.op)
            ladders[i] = ladders[i][:1]
            rungs[i] = ladders[i][0]
        with suppress(Error):  # the budget may be out of reach now: then the others stay as they were picked
            rungs = pick(ladders)
    narrow = {f.layer.op for f, x in zip(able, ladders, strict=True) if len(x) == 1} - judge.slow.keys()
    for f, rung in zip(able, rungs, strict=True):
        _tell(f, rung, "no rank is cheaper" if f.layer.op in narrow else "the budget leaves it whole", judge, measure)
    judge.report()
    _install(graph, [(f, rung.ranks) for f, rung in zip(able, rungs, strict=True) if rung.ranks], feeds, seed)


def find_layers(graph: Graph, layers: Sequence[str], exclude: Sequence[str], by: str) -> list[Linear]:
    """The layers whose names match; those that cannot be changed are noted, with the reason.

    Weights that an exporter left to be transposed, or computed otherwise from constants, are computed first.
    """
    rewrite(graph, constants.RULES)
    found = []
    names = [op.name for op in graph.ops if layer_of(op) is not None]
    for pattern in (*layers, *exclude):
        if not any(fnmatchcase(name, pattern) for name in names):
            raise Error(f"no layer is called {pattern!r}; there are: {', '.join(names)}")
    for op in graph.ops:
        layer = layer_of(op)
        if layer is None or (layers and not any(fnmatchcase(op.name, p) for p in layers)):
            continue
        if any(fnmatchcase(op.name, p) for p in exclude):
            notes.refused(by, op, "it is excluded")
        elif isinstance(layer, str):
            notes.refused(by, op, layer)
        else:
            found.append(layer)
    return found


def _pinned(texts: Iterable[str], able: list[Factorization]) -> dict[Op, Ranks]:
    """Ranks by layer, from ``'name=8'`` and ``'name=16x8'``."""
    given: dict[Op, Ranks] = {}
    for text in texts:
        name, equals, numbers = text.rpartition("=")
        named = [f for f in able if fnmatchcase(f.layer.op.name, name)]
        if not equals or not all(n.isdecimal() and int(n) for n in numbers.split("x")):
            raise Error(f"ranks are given as 'name=8' or 'name=16x8', got {text!r}")
        if not named:
            raise Error(
                f"no layer that can be factorized is called {name!r}; there are: "
                + ", ".join(f.layer.op.name for f in able)
            )
        for f in named:
            wanted, full = tuple(map(int, numbers.split("x"))), f.full
            if len(wanted) != len(full):
                raise Error(f"{text!r}: {f.method} takes {len(full)} rank(s) for {f.layer.op.describe()}")
            given[f.layer.op] = tuple(min(r, most) for r, most in zip(wanted, full, strict=True))
    return given


def _tell(f: Factorization, rung: Rung, otherwise: str, judge: Judge, measure: Measure) -> None:
    """Note what becomes of a layer; where it stays, the reason is its time or ``otherwise``."""
    op, cost = f.layer.op, measure([f.layer.op])
    text = f"{f.method} of rank {'x'.join(map(str, rung.ranks))}" if rung.ranks else "itself again"
    if rung.ranks:
        notes.done("factorize", op, f"{text}: {cost:g} -> {rung.cost:g} {measure.unit}")
    else:
        notes.refused("factorize", op, f"{judge.slow.get(op, otherwise)}: {cost:g} {measure.unit}")
    if rung.ranks or op in judge.slow:
        judge.note(op, text)


def _install(
    graph: Graph, chosen: Iterable[tuple[Factorization, Ranks]], feeds: list[dict[str, Array]], seed: int
) -> None:
    original, copies = graph.clone_with_map() if feeds else (graph, {})
    was: dict[Value, Value] = dict(copies)
    fits = []
    for f, ranks in chosen:
        tail = f.build(ranks)
        graph.replace(f.layer.op, tail)
        if feeds:
            was[tail] = copies[f.layer.op]
            fits.append(Fit(tail, tail))
    if fits:
        refit(original, graph, was, fits, feeds, seed)
