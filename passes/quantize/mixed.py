"""Mixed precision: the bits of every layer's weights, or floats, by what they cost at the outputs, under a budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import numpy as np
import torch

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.interpreter import execute
from lissom.ir.op import Op
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.tensors import to_tensor
from lissom.ir.types import DType
from lissom.ir.values import Const, Value
from lissom.passes import notes
from lissom.passes.data import Data
from lissom.passes.factorize.measure import Clock, timed
from lissom.passes.graph_pass import Kind, graph_pass
from lissom.passes.quantize.keep import integer_form
from lissom.passes.quantize.layers import is_on_grid, output_axis, unquantized, weight_of
from lissom.passes.quantize.scales import least_squares, weight_limits
from lissom.passes.quantize.twin import Feed, feeds_of

NARROWER = (DType.int4, DType.int2)
Budget: TypeAlias = Literal["size", "bit_operations", "latency"]
Choice: TypeAlias = FakeQuant | None
"""A grid for the weights of a layer; None leaves them float."""


@graph_pass(Kind.decide)
def mixed_precision(
    graph: Graph,
    *,
    budget: float,
    of: Budget = "size",
    samples: int | None = None,
    clock: Clock | None,
    data: Data,
) -> None:
    """Give the weights of every layer 8, 4 or 2 bits or leave them float: the least noise there is within a budget.

    After fake_quantize. What a choice costs is measured: the noise at the outputs when the weights of that layer alone
    are rounded so (as in HAWQ-V3, Yao et al. 2021, arXiv:2011.10680, with measured noise in place of curvature). What
    is best is an integer linear program. A layer whose weights are float runs in float.

    budget: what the layers may cost, as a share of what they cost at 8 bits; at least 0.25 for size.
    of: what is counted: bits of the weights, multiply-accumulates times bits, or milliseconds by the clock of the run.
    samples: how many of the calibration samples are used; by default 16 to 32, fewer of large networks.
    """
    layers = {w: op for op in graph.ops if is_on_grid(w := weight_of(op)) and isinstance(w, FakeQuant)}
    if not layers:
        return
    price = _price(of, clock)
    feeds = feeds_of(data, samples, graph)
    exact = _outputs(graph, feeds, {})
    choices: list[list[Choice]] = []
    noise, cost = [], []
    for w, op in layers.items():
        bits = w.zero_point.type.dtype.bits
        kinds: list[Choice] = [w, *(_narrowed(w, op, d) for d in NARROWER if d.bits < bits), None]
        choices.append(kinds)
        noise.append([_distance(exact, _outputs(graph, feeds, {w: k})) if k is not None else 0.0 for k in kinds])
        cost.append([price(op, k) for k in kinds])
    picked = choose(noise, cost, budget * sum(row[0] for row in cost))
    rows = []
    for (w, op), kinds, k, lost in zip(layers.items(), choices, picked, noise, strict=True):
        rows.append({"layer": op.name, "weights": _name(kinds[k]), "noise": f"{lost[k]:.1e}"})
        if k:
            graph.replace(w, kinds[k] or w.x)
            notes.done("mixed_precision", op, rows[-1]["weights"])
    notes.table("mixed_precision", lambda: rows)


def _name(kind: Choice) -> str:
    return "float" if kind is None else kind.zero_point.type.dtype.name


def _price(of: Budget, clock: Clock | None) -> Callable[[Op, Choice], float]:
    """What a layer costs with weights of some kind. Raises Error for a latency that nothing measures."""
    if of == "latency" and clock is None:
        raise Error(
            "a budget of latency needs a clock: the command line has that of --target, and in Python "
            "run(..., clock=lissom.clock.c_clock(target)) is one"
        )
    milliseconds = timed(clock) if clock is not None else None

    def price(op: Op, kind: Choice) -> float:
        if of != "latency":
            bits = 32 if kind is None else kind.zero_point.type.dtype.bits
            w = weight_of(op)
            assert w is not None
            return float(bits * (w.type.size() if of == "size" else op.macs()))
        assert milliseconds is not None
        plain = op.replace(
            **{f.name: unquantized(v) for f in type(op).fields if isinstance(v := getattr(op, f.name), Value)}
        )
        return milliseconds([plain] if kind is None else integer_form(plain) or [plain])

    return price


def choose(noise: list[list[float]], cost: list[list[float]], budget: float) -> list[int]:
    """One choice for each layer, of least total noise and a total cost within the budget.

    Raises Error where even the cheapest choices cost more.
    """
    if sum(map(min, cost)) > budget:
        raise Error(
            f"the budget of {budget:.0f} is below the {sum(map(min, cost)):.0f} that the narrowest weights cost"
        )
    from scipy.optimize import Bounds, LinearConstraint, milp

    sizes = [len(row) for row in noise]
    layer_of = np.repeat(np.arange(len(sizes)), sizes)
    one_each = (layer_of == np.arange(len(sizes))[:, None]).astype(float)
    values, costs = np.concatenate(noise), np.concatenate(cost)
    top = max(float(values.max()), 1e-300)
    total = LinearConstraint(costs[None] / budget, -np.inf, 1.0)
    found = milp(
        values / top,
        integrality=np.ones(len(values)),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(one_each, 1, 1), total],
    )
    if found.x is None:
        raise Error(f"no choice of bits was found within the budget: {found.message}")
    starts = np.cumsum([0, *sizes[:-1]])
    return [int(np.argmax(found.x[s : s + n])) for s, n in zip(starts, sizes, strict=True)]


def _narrowed(fake: FakeQuant, op: Op, dtype: DType) -> FakeQuant:
    """The same weights on a grid of fewer bits; reads the same constant."""
    assert isinstance(fake.x, Const)
    low, high = weight_limits(dtype)
    axis = output_axis(op) if fake.scale.type.rank else None
    scale = least_squares(fake.x.data, axis, low, high)
    zeros = Const(np.zeros(scale.shape, dtype.numpy), f"{fake.x.name}.zero_point")
    narrow = FakeQuant(fake.x, Const(scale, f"{fake.x.name}.scale"), zeros, low, high, axis=fake.axis)
    return narrow.named(fake.name, fake.loc)


def _outputs(graph: Graph, feeds: list[Feed], rounded: Mapping[FakeQuant, FakeQuant]) -> list[torch.Tensor]:
    """All outputs on all feeds with no grids but ``rounded``, each in the place of another."""
    copy, copies = graph.clone_with_map()
    for op in graph.ops:
        if isinstance(op, FakeQuant):
            grid = rounded.get(op)
            now = copies[op]
            assert isinstance(now, FakeQuant)
            if grid is None:
                copy.replace(now, now.x)
                continue
            fields = {f.name: getattr(grid, f.name) for f in type(grid).fields}
            scale, zero_point = (Const(fields[n].data) for n in ("scale", "zero_point"))
            copy.replace(now, FakeQuant(**{**fields, "x": now.x, "scale": scale, "zero_point": zero_point}))
    found: list[torch.Tensor] = []
    with torch.no_grad():
        for feed in feeds:
            found += execute(copy, {i: to_tensor(feed[i.name], i.type.dtype) for i in copy.inputs})
    return found


def _distance(exact: list[torch.Tensor], got: list[torch.Tensor]) -> float:
    """Power of the difference over the power of the signal, summed over outputs and batches."""
    pairs = [(e.double(), g.double()) for e, g in zip(exact, got, strict=True) if e.is_floating_point()]
    return float(sum((e - g).pow(2).sum() for e, g in pairs)) / max(
        float(sum(e.pow(2).sum() for e, _ in pairs)), 1e-300
    )
