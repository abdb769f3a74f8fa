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
    flat = tensor.reshape(len(tensor), -1)
    previous = np.inf
    for _ in range(iterations):
        for mode in range(tensor.ndim):
            if mode == 0:
                right = flat @ reduce(_khatri_rao, factors[1:])
            else:
                if mode == 1:  # the one product over the whole tensor that all later axes share
                    seen = (factors[0].T @ flat).reshape(rank, *tensor.shape[1:])
                right = _project(seen, factors[1:], mode - 1)
            gram = reduce(np.multiply, [g for m, g in enumerate(grams) if m != mode])
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


def _project(seen: npt.NDArray[np.float64], factors: list[Matrix], mode: int) -> Matrix:
    """For each component its own tensor ``seen`` (rank, ...), summed over all axes but ``mode`` with their factors."""
    for axis, factor in reversed(list(enumerate(factors))):
        if axis != mode:
            place = [1] * seen.ndim
            place[0], place[axis + 1] = factor.shape[::-1]
            seen = (seen * factor.T.reshape(place)).sum(axis + 1, keepdims=True)
    projected: Matrix = seen.reshape(len(seen), -1).T
    return projected


def _start(tensor: npt.NDArray[np.float64], mode: int, rank: int, rng: np.random.Generator) -> Matrix:
    unfolded = np.moveaxis(tensor, mode, 0).reshape(tensor.shape[mode], -1)
    _, vectors = np.linalg.eigh(unfolded @ unfolded.T)
    known = vectors[:, ::-1][:, :rank]
    return np.concatenate([known, rng.standard_normal((len(known), rank - known.shape[1]))], axis=1)
