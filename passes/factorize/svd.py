"""Low-rank approximation of a matrix by its singular values, of weights or of what they put out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


def svd(matrix: Matrix, rank: int, outputs: Matrix | None = None) -> tuple[Matrix, Matrix]:
    """``left`` (m, rank) and ``right`` (rank, n) whose product is the best approximation of ``matrix`` (m, n).

    Best in the Frobenius norm (Eckart and Young 1936); with ``outputs``, the covariance (m, m) of matrix @ x over data,
    best in the mean square of what it puts out: the directions of most variance are kept, and x need not be known
    (Zhang et al. 2016, arXiv:1505.06798, section 3.1). Singular values are shared between both factors.
    """
    if outputs is None:
        u, s, v = np.linalg.svd(matrix, full_matrices=False)
        root = np.sqrt(s[:rank])
        return u[:, :rank] * root, root[:, None] * v[:rank]
    _, vectors = np.linalg.eigh(outputs)
    left = vectors[:, ::-1][:, :rank]
    right = left.T @ matrix
    # Balance the two factors: products stay, and neither has rows out of proportion.
    scale = np.sqrt(np.maximum(np.linalg.norm(right, axis=1), 1e-30))
    return left * scale, right / scale[:, None]


def lost(matrix: Matrix, outputs: Matrix | None = None) -> Matrix:
    """For each rank from 0 to full the share of the energy (of the outputs) that the best approximation loses."""
    if outputs is None:
        energy = np.square(np.linalg.svd(matrix, compute_uv=False))
    else:
        energy = np.maximum(np.linalg.eigvalsh(outputs)[::-1], 0)[: min(matrix.shape)]
    total = energy.sum()
    left = np.append(np.cumsum(energy[::-1])[::-1], 0.0)
    return left / total if total > 0 else np.zeros(len(left))
