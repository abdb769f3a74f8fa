"""Spatial SVD: a convolution that is tall, then one that is wide (Jaderberg et al. 2014, arXiv:1405.3866, scheme 2)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lissom.passes.factorize.svd import Matrix, svd


def unfold(kernel: npt.NDArray[np.float64]) -> Matrix:
    """The kernel (O, I, *k) as a matrix: rows are inputs and taps but the last, columns outputs and the last."""
    return np.moveaxis(kernel, 0, -2).reshape(-1, kernel.shape[0] * kernel.shape[-1])


def spatial_svd(kernel: npt.NDArray[np.float64], rank: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """``first`` (rank, I, *k[:-1], 1) and ``second`` (O, rank, 1, ..., k[-1]), the best pair by Frobenius norm."""
    outputs, inputs, *taps = kernel.shape
    left, right = svd(unfold(kernel), rank)
    first = left.T.reshape(-1, inputs, *taps[:-1], 1)
    second = right.reshape(-1, outputs, taps[-1]).transpose(1, 0, 2)
    return first, second.reshape(outputs, -1, *[1] * (len(taps) - 1), taps[-1])
