"""Terms of the loss that look at weights only, and make them easy to remove.

Units are those of :mod:`lissom.passes.prune.solve`: channels that live and die together, over all weights they are in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import torch

from lissom.ir.errors import Error
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.values import Const
from lissom.passes.prune.solve import Solution, solve
from lissom.passes.train.network import Network

Name: TypeAlias = Literal["l1", "group_lasso", "bn_scale", "drop_neuron"]
Penalty: TypeAlias = Callable[[], torch.Tensor]

EPSILON = 1e-12
"""Below the root of a sum of squares, whose derivative at zero is infinite."""


def l1(network: Network) -> Penalty:
    """Sum of magnitudes of all weights of two or more axes (Tibshirani 1996)."""
    weights = _matrices(network)
    return lambda: torch.stack([w.abs().sum() for w in weights.values()]).sum()


def bn_scale(network: Network) -> Penalty:
    """Sum of magnitudes of the scales of batch normalizations (network slimming, Liu et al. 2017, arXiv:1708.06519)."""
    scales = [
        p
        for c, p in network.parameters.items()
        if any(isinstance(u, BatchNormalization) and u.scale is c for u in c.users)
    ]
    if not scales:
        raise Error("penalty bn_scale: no batch normalization has a scale to train; it must come before fold")
    return lambda: torch.stack([s.abs().sum() for s in scales]).sum()


def group_lasso(network: Network) -> Penalty:
    """Sum over units of the norm of all their weights (Yuan, Lin 2006; Wen et al. 2016, arXiv:1608.03665).

    Each norm is weighted by the root of the number of weights it is over.
    """
    places = _places(network)

    def value() -> torch.Tensor:
        total: torch.Tensor = sum(squares() for squares, _ in places)  # type: ignore[assignment]
        return (torch.sqrt(total + EPSILON) * weight).sum()

    sizes = torch.stack([size for _, size in places]).sum(0)
    weight = torch.sqrt(sizes)
    return value


def drop_neuron(network: Network) -> Penalty:
    """Sum of the norms of what enters each unit and of what leaves it, each on its own (DropNeuron, Pan et al. 2016,
    arXiv:1606.07326, eq. 4 and 5): a unit goes when either is zero.
    """
    places = _places(network)
    return lambda: torch.stack([(torch.sqrt(squares() + EPSILON) * (size > 0)).sum() for squares, size in places]).sum()


PENALTIES: dict[str, Callable[[Network], Penalty]] = {
    "l1": l1,
    "group_lasso": group_lasso,
    "bn_scale": bn_scale,
    "drop_neuron": drop_neuron,
}


def penalty(network: Network, strengths: Mapping[Name, float]) -> Penalty | None:
    """The weighted sum of the penalties that are named; None where none is."""
    parts = [(PENALTIES[name](network), strength) for name, strength in strengths.items()]
    if not parts:
        return None
    return lambda: torch.stack([strength * part() for part, strength in parts]).sum()


def _matrices(network: Network) -> dict[Const, torch.nn.Parameter]:
    found = {c: p for c, p in network.parameters.items() if p.ndim > 1}
    if not found:
        raise Error("penalties need a weight of two or more axes to train; the graph has none")
    return found


def _places(network: Network) -> list[tuple[Callable[[], torch.Tensor], torch.Tensor]]:
    """For each axis of a weight that has units: a function that sums squares by unit, and how many each sums."""
    solution = solve(network.graph)
    weights = _matrices(network)
    found = []
    for place in solution.places:
        if place.const in weights and solution.free[place.units].any():
            found.append(_place(solution, weights[place.const], place.axis, place.units.reshape(-1)))
    if not found:
        raise Error("no channel of the network can be removed, so there are no groups; lissom explain says why")
    return found


def _place(
    solution: Solution, weight: torch.nn.Parameter, axis: int, units: object
) -> tuple[Callable[[], torch.Tensor], torch.Tensor]:
    index = torch.as_tensor(units, dtype=torch.int64, device=weight.device)
    others = [i for i in range(weight.ndim) if i != axis]
    free = torch.as_tensor(solution.free, device=weight.device)

    def summed(rows: torch.Tensor) -> torch.Tensor:
        zeros = torch.zeros(solution.count, dtype=rows.dtype, device=rows.device)
        return zeros.index_add(0, index, rows) * free

    each = weight.numel() / weight.shape[axis]
    size = summed(torch.full((weight.shape[axis],), each, dtype=weight.dtype, device=weight.device))
    return lambda: summed(weight.square().sum(others)), size
