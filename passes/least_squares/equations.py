"""Normal equations, gathered batch by batch in float64."""

from __future__ import annotations

import numpy as np

from lissom.passes.least_squares.linear import Matrix
from lissom.passes.least_squares.moments import Moments


class Equations:
    """Normal equations of a change of weights and bias."""

    def __init__(self, groups: int, inputs: int, outputs: int) -> None:
        self.inputs = Moments(groups, inputs)
        self.cross = np.zeros((groups, inputs, outputs))
        self.total = np.zeros((groups, outputs))

    def add(self, a: Matrix, missing: Matrix) -> None:
        """Rows ``a`` (groups, rows, inputs), and what is missing there (groups, rows, outputs)."""
        self.inputs.add(a)
        self.cross += a.transpose(0, 2, 1) @ missing
        self.total += missing.sum(1)

    def solved(self, ridge: float) -> tuple[Matrix, Matrix]:
        """The changes of weights and bias that make up for what is missing, small ones preferred by ``ridge``,
        which is relative to the mean square of the inputs."""
        weights, biases = [], []
        count = self.inputs.count
        for gram, cross, a, y in zip(
            self.inputs.gram, self.cross, self.inputs.total / count, self.total / count, strict=True
        ):
            centred = gram - count * np.outer(a, a)
            diagonal = np.diagonal(gram)
            used = diagonal > 0  # inputs that are never seen keep their weights
            change = np.zeros(cross.shape)
            if used.any():
                few = centred[np.ix_(used, used)]
                few[np.diag_indices_from(few)] += ridge * diagonal[used].mean()
                change[used] = solve_definite(few, (cross - count * np.outer(a, y))[used])
            weights.append(change)
            biases.append(y - a @ change)
        return np.stack(weights), np.stack(biases)


def solve_definite(matrix: Matrix, right: Matrix) -> Matrix:
    """The x of ``matrix @ x == right``, where the matrix is symmetric and positive definite."""
    from scipy.linalg import solve

    x: Matrix = solve(matrix, right, assume_a="pos")
    return x
