"""Rounding one column of weights after the other (Frantar et al. 2022, arXiv:2210.17323)."""

from __future__ import annotations

import torch

BLOCK = 128


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
    h = h.clone()
    dead = h.diagonal() == 0  # an input that is always zero says nothing about its weights
    h.diagonal()[dead] = 1.0
    order = torch.argsort(h.diagonal(), descending=True)
    h = h[order][:, order]
    h.diagonal().add_(damping * h.diagonal().mean())
    inverse = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(h)), upper=True)
    left = w[:, order].clone()
    q = torch.empty_like(left)
    for start in range(0, left.shape[1], BLOCK):
        end = min(start + BLOCK, left.shape[1])
        errors = torch.zeros_like(left[:, start:end])
        for j in range(start, end):
            column = left[:, j : j + 1]
            q[:, j : j + 1] = torch.clamp(torch.round(column / scale), low, high)
            error = (column - q[:, j : j + 1] * scale) / inverse[j, j]
            left[:, j + 1 : end] -= error * inverse[j, j + 1 : end]
            errors[:, j - start : j - start + 1] = error
        left[:, end:] -= errors @ inverse[start:end, end:]
    back = torch.empty_like(q)
    back[:, order] = q
    return back
