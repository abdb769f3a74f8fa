"""Giving the columns of a matrix of weights new values one after the other, those still to come making up for each.

The update is that of optimal brain surgery with the order fixed, from one Cholesky factor (Frantar, Alistarh 2022,
arXiv:2208.11580; Frantar et al. 2022, arXiv:2210.17323, algorithm 1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

BLOCK = 128

Place = Callable[[int, torch.Tensor, torch.Tensor], torch.Tensor]
"""Takes the number of a column, all weights as they are by now, and the diagonal of the factor; returns the values
(rows, 1) the column gets. Columns up to the end of the batch are up to date."""


def damped(h: torch.Tensor, damping: float) -> torch.Tensor:
    """Correlations that can be inverted: ``damping`` times their mean on the diagonal, and 1 for what is never seen."""
    h = h.clone()
    h.diagonal()[h.diagonal() == 0] = 1.0  # an input that is always zero says nothing about its weights
    h.diagonal().add_(damping * h.diagonal().mean())
    return h


def inverse_of(h: torch.Tensor) -> torch.Tensor:
    """The inverse of a positive definite matrix."""
    return torch.cholesky_inverse(torch.linalg.cholesky(h))


def sweep(w: torch.Tensor, h: torch.Tensor, place: Place, ends: Sequence[int] = ()) -> torch.Tensor:
    """New values for all columns of w (rows, columns), which keep ``||(w - new) x||`` small for inputs x of the damped
    correlations h. ``ends`` are the ends of batches, by default every ``BLOCK`` columns."""
    factor = torch.linalg.cholesky(inverse_of(h), upper=True)
    left, new = w.clone(), torch.empty_like(w)
    count = w.shape[1]
    start = 0
    for end in ends or [*range(BLOCK, count, BLOCK), count]:
        errors = torch.zeros_like(left[:, start:end])
        for j in range(start, end):
            new[:, j : j + 1] = place(j, left, factor.diagonal())
            error = (left[:, j : j + 1] - new[:, j : j + 1]) / factor[j, j]
            left[:, j + 1 : end] -= error * factor[j, j + 1 : end]
            errors[:, j - start : j - start + 1] = error
        left[:, end:] -= errors @ factor[start:end, end:]
        start = end
    return new
