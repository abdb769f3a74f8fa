"""The methods by name: which ranks a layer can be given, what each loses and costs, and the chain each stands for.

Layers of one tap (and matrix products) are factorized by SVD whatever the method: there the others come to the same.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from lissom.ir.op import Op
from lissom.ir.types import Array
from lissom.passes.factorize import spatial, tucker
from lissom.passes.factorize.chain import Piece, chain, compose
from lissom.passes.factorize.cp import cp, rebuild
from lissom.passes.factorize.measure import MACS, Measure
from lissom.passes.factorize.spatial import spatial_svd
from lissom.passes.factorize.svd import lost, svd
from lissom.passes.factorize.tucker import tucker2
from lissom.passes.factorize.vbmf import vbmf_rank
from lissom.passes.least_squares.linear import Linear, Matrix
from lissom.passes.least_squares.statistics import Statistics

Method: TypeAlias = Literal["svd", "spatial_svd", "tucker", "cp"]
METHODS: tuple[str, ...] = get_args(Method)
Ranks: TypeAlias = tuple[int, ...]
"""One rank; two for Tucker: outputs, inputs."""

RUNGS = 64
"""Ranks tried for a layer, at most."""

PROBES = 6
"""Ranks at which the error of CP, which no spectrum tells, is found by running it."""


@dataclass(frozen=True)
class Rung:
    """A choice for a layer: its ranks (none: the layer as it is), the share of energy lost, and what it costs."""

    ranks: Ranks
    error: float
    cost: float


class Factorization:
    """One layer, a method, and where there is data the statistics that say which errors matter."""

    def __init__(self, layer: Linear, method: Method, statistics: Statistics | None = None, seed: int = 0) -> None:
        self.layer = layer
        self.method: Method = "svd" if layer.is_pointwise else method
        self.statistics = statistics
        self.seed = seed
        self._pieces: dict[Ranks, list[Piece]] = {}

    @property
    def kernel(self) -> Matrix:
        """The kernel whose plain error counts."""
        w = self.layer.kernel
        return w if self.statistics is None else self.statistics.whitened(w)

    def pieces(self, ranks: Ranks) -> list[Piece]:
        """The best chain of these ranks that the method finds; found once."""
        if ranks not in self._pieces:
            self._pieces[ranks] = self._factors(ranks)
        return self._pieces[ranks]

    def _factors(self, ranks: Ranks) -> list[Piece]:
        layer, axes = self.layer, tuple(range(len(self.layer.taps)))
        if self.method == "svd":
            w, outputs = layer.kernel, None if self.statistics is None else self.statistics.outputs.covariance
            left, right = svd(w.reshape(len(w), -1), ranks[0], outputs)
            return [Piece(right.reshape(-1, *w.shape[1:]), axes), self._pointwise(left)]
        if self.method == "spatial_svd":
            first, second = spatial_svd(self.kernel, ranks[0])
            return [Piece(self._unwhitened(first), axes[:-1]), Piece(second, axes[-1:])]
        if self.method == "tucker":
            left, core, right = tucker2(self.kernel, *ranks)
            return [self._pointwise(self._unwhitened(right)), Piece(core, axes), self._pointwise(left)]
        outputs_, inputs, *along = cp(self.kernel, ranks[0], seed=self.seed)
        middle = [self._along(factor, axis) for axis, factor in enumerate(along)]
        return [self._pointwise(self._unwhitened(inputs.T)), *middle, self._pointwise(outputs_)]

    def outline(self, ranks: Ranks) -> list[Piece]:
        """Pieces of the shapes that :meth:`pieces` has, without elements of their own."""
        (o, i, *taps), axes = self.layer.shape, tuple(range(len(self.layer.taps)))
        ones, (r, *_) = [1] * len(taps), ranks
        if self.method == "svd":
            shapes: list[tuple[list[int], tuple[int, ...], int]] = [([r, i, *taps], axes, 1), ([o, r, *ones], (), 1)]
        elif self.method == "spatial_svd":
            shapes = [([r, i, *taps[:-1], 1], axes[:-1], 1), ([o, r, *ones[:-1], taps[-1]], axes[-1:], 1)]
        elif self.method == "tucker":
            shapes = [([ranks[1], i, *ones], (), 1), ([r, ranks[1], *taps], axes, 1), ([o, r, *ones], (), 1)]
        else:
            along = [([r, 1, *(k if a == axis else 1 for a, k in enumerate(taps))], (axis,), r) for axis in axes]
            shapes = [([r, i, *ones], (), 1), *along, ([o, r, *ones], (), 1)]
        dtype = self.layer.weight.data.dtype
        return [Piece(np.broadcast_to(np.zeros((), dtype), shape), axes, group) for shape, axes, group in shapes]

    def build(self, ranks: Ranks, twin: Linear | None = None) -> Op:
        """The detached chain, for the layer or its twin in a copy of the graph.

        What it loses on the mean input goes into the bias.
        """
        pieces = self.pieces(ranks)
        if self.statistics is None:
            return chain(twin or self.layer, pieces)
        missing = self.layer.kernel - compose(pieces).reshape(self.layer.shape)
        return chain(twin or self.layer, pieces, self.statistics.shift(missing))

    def sketch(self, ranks: Ranks) -> Sequence[Op]:
        """The detached ops of the chain, with weights that hold nothing yet."""
        return detached(chain(self.layer, self.outline(ranks)))

    def cost(self, ranks: Ranks, measure: Measure) -> float:
        """What the chain costs."""
        return measure(self.sketch(ranks))

    def ladder_of(self, ranks: Ranks, measure: Measure) -> list[Rung]:
        """The layer as it is, and where they are cheaper these ranks alone."""
        whole, cost = measure([self.layer.op]), self.cost(ranks, measure)
        return [Rung((), 0.0, whole), *([Rung(ranks, 0.0, cost)] if cost < whole else [])]

    def ladder(self, measure: Measure, round_to: int = 1) -> list[Rung]:
        """The layer as it is, then every rank (or a choice of ranks) that is cheaper, from large to small."""
        whole = measure([self.layer.op])
        if self.method == "tucker":
            found = _paired(*tucker.mode_losses(self.kernel), round_to)
        else:
            (full,) = self.full
            sure = measure if measure.probes is None else MACS  # what rises with the rank
            limit = sure([self.layer.op])
            found = self._errors(
                _spread(bisect_left(range(1, full + 1), limit, key=lambda r: self.cost((r,), sure)), round_to)
            )
        costs = self._costs([ranks for ranks, _ in found], measure)
        rungs = [Rung(ranks, error, cost) for (ranks, error), cost in zip(found, costs, strict=True)]
        return [Rung((), 0.0, whole), *(r for r in rungs if r.cost < whole)]

    def _costs(self, ranks: list[Ranks], measure: Measure) -> list[float]:
        """What the chain of each of some ranks costs: of some it is measured where that takes long."""
        if measure.probes is None or len(ranks) <= measure.probes:
            return [self.cost(r, measure) for r in ranks]
        work = [self.cost(r, MACS) for r in ranks]
        order = np.argsort(work)
        probes = order[np.linspace(0, len(ranks) - 1, measure.probes).round().astype(int)]
        known = [self.cost(ranks[i], measure) for i in probes]
        return [float(c) for c in np.interp(work, [work[i] for i in probes], known)]

    def by_vbmf(self) -> Ranks:
        """The ranks at which the singular values of the weights rise above the noise."""
        w = self.layer.kernel
        if self.method == "tucker":
            return max(1, vbmf_rank(tucker.unfold(w, 0))), max(1, vbmf_rank(tucker.unfold(w, 1)))
        if self.method == "cp":
            return (max(1, vbmf_rank(tucker.unfold(w, 0)), vbmf_rank(tucker.unfold(w, 1))),)
        return (max(1, vbmf_rank(spatial.unfold(w) if self.method == "spatial_svd" else w.reshape(len(w), -1))),)

    @property
    def full(self) -> Ranks:
        """The ranks at which nothing is lost. For CP a bound: exact is at most the product of the smaller axes."""
        (o, i, *taps) = self.layer.shape
        size = int(np.prod(self.layer.shape))
        if self.method == "tucker":
            return min(o, size // o), min(i, size // i)
        if self.method == "spatial_svd":
            second = o * taps[-1]
            return (min(second, size // second),)
        return (min(o, size // o),) if self.method == "svd" else (size // max(self.layer.shape),)

    def _errors(self, ranks: list[int]) -> list[tuple[Ranks, float]]:
        """The share of energy lost at each of some ranks."""
        if not ranks:
            return []
        if self.method == "cp":
            probes = sorted({ranks[int(i)] for i in np.linspace(0, len(ranks) - 1, PROBES).round()})
            found = [self._cp_error(r) for r in probes]
            return [((r,), float(np.interp(r, probes, found))) for r in reversed(ranks)]
        if self.method == "spatial_svd":
            losses = lost(spatial.unfold(self.kernel))
        else:
            w, outputs = self.layer.kernel, None if self.statistics is None else self.statistics.outputs.covariance
            losses = lost(w.reshape(len(w), -1), outputs)
        return [((r,), float(losses[r])) for r in reversed(ranks)]

    def _cp_error(self, rank: int) -> float:
        kernel = self.kernel
        missing = kernel - rebuild(cp(kernel, rank, 15, self.seed))
        return float(np.square(missing).sum() / max(np.square(kernel).sum(), 1e-30))

    def _pointwise(self, matrix: Array) -> Piece:
        return Piece(matrix.reshape(*matrix.shape[:2], *[1] * len(self.layer.taps)))

    def _along(self, factor: Array, axis: int) -> Piece:
        taps = [len(factor) if a == axis else 1 for a in range(len(self.layer.taps))]
        return Piece(factor.T.reshape(factor.shape[1], 1, *taps), (axis,), factor.shape[1])

    def _unwhitened(self, w: Array) -> Array:
        return w if self.statistics is None else self.statistics.unwhitened(w)


def _spread(most: int, round_to: int) -> list[int]:
    """Multiples of ``round_to`` up to ``most``, all or :data:`RUNGS` of them; where there is none, ``most`` itself."""
    if most < 1:
        return []
    every = np.arange(round_to, most + 1, round_to) if most >= round_to else np.array([most])
    chosen = every[np.unique(np.linspace(0, len(every) - 1, min(RUNGS, len(every))).round().astype(int))]
    return [int(r) for r in chosen]


def _paired(outputs: Array, inputs: Array, round_to: int) -> list[tuple[Ranks, float]]:
    """Pairs of ranks that lose about as much along outputs as along inputs, from large to small."""
    thresholds = np.unique(np.concatenate([outputs[1:], inputs[1:]]))
    thresholds = thresholds[np.unique(np.linspace(0, len(thresholds) - 1, min(RUNGS, len(thresholds))).astype(int))]
    found: dict[Ranks, float] = {}
    for t in thresholds:
        pair = tuple(
            _rounded(int(np.argmax(losses <= t + 1e-15)), len(losses) - 1, round_to) for losses in (outputs, inputs)
        )
        found[pair] = float(outputs[pair[0]] + inputs[pair[1]])
    return list(found.items())


def _rounded(rank: int, full: int, round_to: int) -> int:
    return min(max(-(-rank // round_to) * round_to, 1), full)


def detached(op: Op) -> Sequence[Op]:
    """A detached op and the detached ops under it, in topological order."""
    found: dict[Op, None] = {}

    def visit(o: Op) -> None:
        if o.graph is None and o not in found:
            for v in o.operands:
                if isinstance(v, Op):
                    visit(v)
            found[o] = None

    visit(op)
    return list(found)
