"""Weights that are powers of two, fixed a share at a time while the others go on learning."""

from __future__ import annotations

import math

import numpy as np

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.ops.where import Where
from lissom.ir.types import Array
from lissom.ir.values import Const
from lissom.passes import notes
from lissom.passes.encode.layers import Weights, weights_of
from lissom.passes.graph_pass import Kind, State, graph_pass


@graph_pass(Kind.decide, needs=[State.floats], ends=[State.codeless])
def powers_of_two(graph: Graph, *, share: float = 1.0, bits: int = 5, exclude: tuple[str, ...] = ()) -> None:
    """Fix a share of the weights of each layer, the largest first, as powers of two or zero (INQ, Zhou et al. 2017).

    arXiv:1702.03044, sections 2.1 and 2.2. Weights that are not fixed yet are trained on; fixed ones never change.

    share: how much of each layer's weights is fixed after this pass.
    bits: how many values there are: zero and 2**(bits - 1) powers of two with their signs.
    exclude: names of layers that stay as they are; first and last are names of those.
    """
    if not 0 < share <= 1:
        raise Error(f"powers_of_two: share is above 0 and at most 1, got {share:g}")
    if not 2 <= bits <= 8:
        raise Error(f"powers_of_two: bits is 2 to 8, got {bits}")
    for w in weights_of(graph, "powers_of_two", exclude):
        fixed, values = partition(w, share, bits)
        name = w.const.name
        if fixed.all():
            new = Const(values, name, loc=w.const.loc)
            graph.replace(w.partly or w.const, new)
        else:
            parts = Const(fixed, f"{name}.fixed"), Const(values, f"{name}.powers")
            graph.replace(w.partly or w.const, Where(*parts, w.const).named(f"{name}.partly", w.const.loc))
        notes.done("powers_of_two", w.layer, f"{fixed.mean():.1%} of its weights are fixed")


def partition(w: Weights, share: float, bits: int) -> tuple[Array, Array]:
    """Which elements are fixed, those of before included, and their values; the values of the others mean nothing.

    Pruned weights count as fixed, at zero.
    """
    data, alive = w.const.data, w.alive
    fixed, values = ~alive, np.zeros_like(data)
    match w.partly:
        case Where(Const(already), Const(chosen)):
            fixed, values = already | ~alive, np.where(alive, chosen, 0).astype(data.dtype)
    now = np.where(fixed, values, data)
    levels = powers(float(np.abs(now).max(initial=0)), bits)
    count = round(share * int(alive.sum())) - int((fixed & alive).sum())
    order = np.argsort(-np.where(fixed, -np.inf, np.abs(data)).reshape(-1), kind="stable")
    chosen = np.zeros(data.size, np.bool_)
    chosen[order[: max(0, count)]] = True
    chosen = chosen.reshape(data.shape)
    return fixed | chosen, np.where(chosen, nearest(data, levels), values).astype(data.dtype)


def powers(largest: float, bits: int) -> Array:
    """The magnitudes weights may have, zero and up, where the largest is ``largest`` (Zhou et al., eq. 2 and 3)."""
    if largest == 0:
        return np.zeros(1)
    high = math.floor(math.log2(4 * largest / 3))
    low = high + 1 - 2 ** (bits - 1) // 2
    return np.concatenate([[0.0], 2.0 ** np.arange(low, high + 1)])


def nearest(data: Array, levels: Array) -> Array:
    """Each element as the level nearest to its magnitude, with its sign; halfway between two it is the higher one."""
    middles = (levels[1:] + levels[:-1]) / 2
    found: Array = np.copysign(levels[np.searchsorted(middles, np.abs(data).astype(np.float64), side="right")], data)
    return found + 0.0
