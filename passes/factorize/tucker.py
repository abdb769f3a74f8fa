"""Tucker-2: a core convolution between two 1x1 ones (Kim et al. 2015, arXiv:1511.06530)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lissom.passes.factorize.svd import Matrix, lost

Kernel = npt.NDArray[np.float64]


def unfold(kernel: Kernel, mode: int) -> Matrix:
    """The matrix whose rows are the indices of one axis."""
    return np.moveaxis(kernel, mode, 0).reshape(kernel.shape[mode], -1)


def tucker2(kernel: Kernel, outputs: int, inputs: int, iterations: int = 4) -> tuple[Matrix, Kernel, Matrix]:
    """``left`` (O, outputs), ``core`` (outputs, inputs, *k) and ``right`` (inputs, I); left and right orthonormal.

    Higher-order orthogonal iteration (De Lathauwer et al. 2000), begun at the truncated HOSVD; 0 iterations leave that.
    """
    left = _leading(unfold(kernel, 0), outputs)
    right = _leading(unfold(kernel, 1), inputs)
    for _ in range(iterations):
        left = _leading(unfold(np.moveaxis(np.tensordot(kernel, right, (1, 0)), -1, 1), 0), outputs)
        right = _leading(unfold(np.tensordot(left.T, kernel, (1, 0)), 1), inputs)
    core = np.moveaxis(np.tensordot(np.tensordot(left.T, kernel, (1, 0)), right, (1, 0)), -1, 1)
    return left, core, right.T


def mode_losses(kernel: Kernel) -> tuple[Matrix, Matrix]:
    """For outputs and inputs, the share of energy lost at each rank; their sum bounds that of the HOSVD."""
    return lost(unfold(kernel, 0)), lost(unfold(kernel, 1))


def _leading(matrix: Matrix, rank: int) -> Matrix:
    """Leading left singular vectors, by the smaller Gram matrix."""
    _, vectors = np.linalg.eigh(matrix @ matrix.T)
    return vectors[:, ::-1][:, :rank]
