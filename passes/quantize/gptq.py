"""Rounding one column of weights after the other (Frantar et al. 2022, arXiv:2210.17323)."""

from __future__ import annotations

import torch

from lissom.passes.least_squares.columns import damped, sweep


def column_rounding(
    w: torch.Tensor, correlations: torch.Tensor, scale: torch.Tensor, low: int, high: int, damping: float
) -> torch.Tensor:
    """Integers q in [low, high] that keep ``||(w - q * scale) x||`` small for inputs x of these correlations.

    Shapes: w (groups, rows, inner), correlations (groups, inner, inner), scale (groups, rows, 1). Columns are taken in
    the order of the diagonal of the correlations, largest first; the error of each is spread over those still to come.
    """
    q = torch.empty_like(w)
    for group in range(w.shape[0]):
        q[group] = _one_group(w[group].double(), correlations[group], scale[group].double(), low, high, damping)
    return q


def _one_group(
    w: torch.Tensor, h: torch.Tensor, scale: torch.Tensor, low: int, high: int, damping: float
) -> torch.Tensor:
    order = torch.argsort(h.diagonal(), descending=True)
    q = torch.empty_like(w)

    def rounded(j: int, left: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        integers = torch.clamp(torch.round(left[:, j : j + 1] / scale), low, high)
        q[:, order[j]] = integers[:, 0]
        return integers * scale

    sweep(w[:, order], damped(h, damping)[order][:, order], rounded)
    return q
