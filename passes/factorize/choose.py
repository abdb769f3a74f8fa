"""From a graph and what may be left of it to the ranks of its layers, and to the factorized graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
from lissom.passes.factorize.latency import milliseconds
from lissom.passes.factorize.layer import Layer, layer_of
from lissom.passes.factorize.methods import Factorization, Method, Ranks, Rung, macs, params
from lissom.passes.factorize.ranks import Choice, Ladder, require_reachable
from lissom.passes.factorize.refit import Fit, refit
from lissom.passes.factorize.statistics import feeds_of, gather


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

    @property
    def measure(self) -> Callable[[Op], float]:
        """What an op costs."""
        if self.latency is not None:
            return milliseconds
        return params if self.params is not None else macs

    @property
    def unit(self) -> str:
        return "ms" if self.latency is not None else "parameters" if self.params is not None else "MACs"

    def rest(self, graph: Graph, layers: Iterable[Layer]) -> float:
        """The cost of everything that is no layer; time is only measured of layers."""
        if self.latency is not None:
            return 0.0
        whole = sum(c.data.size for c in graph.consts) if self.params is not None else sum(map(macs, graph.ops))
        return whole - sum(self.measure(layer.op) for layer in layers)


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
    samples: int = 256,
    data: Data | None = None,
    seed: int = 0,
) -> None:
    """Factorize the layers of ``graph`` in place. See :func:`lissom.passes.factorize.factorize`."""
    found = find_layers(graph, layers, exclude, "factorize")
    feeds = [] if data is None else feeds_of(data, samples)
    statistics = gather(graph, found, feeds) if feeds else {}
    able = [Factorization(layer, method, statistics.get(layer.op), seed) for layer in found]
    given = _pinned(pinned, able)
    ladders: list[Ladder] = [_ladder(f, given.get(f.layer.op), limits.measure, round_to) for f in able]
    if select == "energy":
        choice = [min((i for i, r in enumerate(x) if r.error <= 1 - energy), key=lambda i: x[i].cost) for x in ladders]
    elif select == "vbmf":
        ladders = [
            x if f.layer.op in given else _ladder(f, f.by_vbmf(), limits.measure, 1)
            for f, x in zip(able, ladders, strict=True)
        ]
        choice = [len(x) - 1 for x in ladders]
    elif limits.share is None and given:
        choice = [len(x) - 1 if f.layer.op in given else 0 for f, x in zip(able, ladders, strict=True)]
    else:
        rest = limits.rest(graph, found)
        whole = rest + sum(x[0].cost for x in ladders)
        budget = (limits.share if limits.share is not None else 0.5) * whole - rest
        open_: list[Ladder] = [(x[1:] or x) if f.layer.op in given else x for f, x in zip(able, ladders, strict=True)]
        require_reachable(open_, budget, rest, limits.unit, "ranks of 1 leave")
        chooser = Chooser(graph, able, open_, budget, feeds)
        picked = chooser.uniform() if select == "uniform" else chooser.enc()
        choice = [x.index(y[i]) for x, y, i in zip(ladders, open_, picked, strict=True)]
    _apply(graph, able, ladders, choice, limits, feeds, seed)


def find_layers(graph: Graph, layers: Sequence[str], exclude: Sequence[str], by: str) -> list[Layer]:
    """The layers whose names match; those that cannot be changed are noted, with the reason."""
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


def _ladder(f: Factorization, pin: Ranks | None, measure: Callable[[Op], float], round_to: int) -> list[Rung]:
    if pin is None:
        return f.ladder(measure, round_to)
    whole, cost = measure(f.layer.op), f.cost(pin, measure)
    return [Rung((), 0.0, whole), Rung(pin, 0.0, cost)] if cost < whole else [Rung((), 0.0, whole)]


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


def _apply(
    graph: Graph,
    able: list[Factorization],
    ladders: list[Ladder],
    choice: Choice,
    limits: Limits,
    feeds: list[dict[str, Array]],
    seed: int,
) -> None:
    original, copies = graph.clone_with_map() if feeds else (graph, {})
    was: dict[Value, Value] = dict(copies)
    fits = []
    for f, ladder, at in zip(able, ladders, choice, strict=True):
        rung, op = ladder[at], f.layer.op
        if not rung.ranks:
            why = "no rank is cheaper" if len(ladder) == 1 else "the budget leaves it whole"
            notes.refused("factorize", op, f"{why}: {ladder[0].cost:g} {limits.unit}")
            continue
        text = f"{f.method} of rank {'x'.join(map(str, rung.ranks))}: {ladder[0].cost:g} -> {rung.cost:g} {limits.unit}"
        notes.done("factorize", op, text)
        tail = f.build(rung.ranks)
        graph.replace(op, tail)
        if feeds:
            was[tail] = copies[op]
            fits.append(Fit(tail, tail))
    if fits:
        refit(original, graph, was, fits, feeds, seed)
