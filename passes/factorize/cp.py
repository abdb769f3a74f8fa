"""Canonical polyadic decomposition by alternating least squares (Lebedev et al. 2015, arXiv:1412.6553)."""

from __future__ import annotations

from functools import reduce

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

RIDGE = 1e-9
"""Keeps the normal equations solvable where components become alike; relative to their trace."""


def cp(tensor: npt.NDArray[np.float64], rank: int, iterations: int = 50, seed: int = 0) -> list[Matrix]:
    """One matrix (size, rank) for each axis, so that the tensor is about the sum over r of their outer products.

    Begins at the leading singular vectors of each unfolding, filled up with random columns, and stops when an
    iteration gains less than 1e-6 of the energy. The scale of each component is shared evenly.
    """
    rng = np.random.default_rng(seed)
    factors = [_start(tensor, mode, rank, rng) for mode in range(tensor.ndim)]
    grams = [f.T @ f for f in factors]
    total = float(np.square(tensor).sum()) or 1.0
    previous = np.inf
    for _ in range(iterations):
        for mode in range(tensor.ndim):
            others = [m for m in range(tensor.ndim) if m != mode]
            gram = reduce(np.multiply, [grams[m] for m in others])
            right = _project(tensor, factors, mode)
            damped = gram + np.eye(rank) * (RIDGE * np.trace(gram) + 1e-300)
            factors[mode] = np.linalg.solve(damped, right.T).T
            grams[mode] = factors[mode].T @ factors[mode]
        # |t - f|^2 = |t|^2 - 2 <t, f> + |f|^2, and the last projection has <t, f>
        error = (total - 2 * float((right * factors[-1]).sum()) + float(reduce(np.multiply, grams).sum())) / total
        if previous - error < 1e-6:
            break
        previous = error
    norms = [np.maximum(np.linalg.norm(f, axis=0), 1e-30) for f in factors]
    share = np.prod(norms, axis=0) ** (1 / len(factors))
    return [f / n * share for f, n in zip(factors, norms, strict=True)]


def rebuild(factors: list[Matrix]) -> npt.NDArray[np.float64]:
    """The tensor that the factors stand for."""
    product = reduce(_khatri_rao, factors[1:])
    tensor: npt.NDArray[np.float64] = (factors[0] @ product.T).reshape([len(f) for f in factors])
    return tensor


def _khatri_rao(a: Matrix, b: Matrix) -> Matrix:
    product: Matrix = (a[:, None] * b[None]).reshape(-1, a.shape[1])
    return product


def _project(tensor: npt.NDArray[np.float64], factors: list[Matrix], mode: int) -> Matrix:
    """The unfolding along ``mode`` times the Khatri-Rao product of the other factors."""
    others = [f for m, f in enumerate(factors) if m != mode]
    unfolded = np.moveaxis(tensor, mode, 0).reshape(tensor.shape[mode], -1)
    projected: Matrix = unfolded @ reduce(_khatri_rao, others)
    return projected


def _start(tensor: npt.NDArray[np.float64], mode: int, rank: int, rng: np.random.Generator) -> Matrix:
    unfolded = np.moveaxis(tensor, mode, 0).reshape(tensor.shape[mode], -1)
    _, vectors = np.linalg.eigh(unfolded @ unfolded.T)
    known = vectors[:, ::-1][:, :rank]
    return np.concatenate([known, rng.standard_normal((len(known), rank - known.shape[1]))], axis=1)
