"""The rank of a noisy matrix by empirical variational Bayes (Nakajima et al. 2013, JMLR 14, section 4: analytic)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def vbmf_rank(matrix: npt.NDArray[np.float64]) -> int:
    """How many singular values of ``matrix`` stand out of the noise, whose variance is estimated too; maybe 0."""
    values = np.linalg.svd(matrix, compute_uv=False)
    short, long = sorted(matrix.shape)
    if short < 2 or not values[0]:
        return int(bool(values[0])) if short else 0
    alpha = short / long
    root = 2.5129 * np.sqrt(alpha)
    least = (1 + root) * (1 + alpha / root)  # of s**2 / (long * variance), for a component that counts
    squares = np.square(values)
    most = max(min(int(np.ceil(short / (1 + alpha))) - 1, short - 1), 1)  # components that can be told from noise
    upper = squares.sum() / (short * long)
    lower = max(squares[most] / (long * least), squares[most:].mean() / long)
    if lower <= np.finfo(float).eps * upper:  # hardly any noise: what is not rounding counts
        return int((squares > squares[0] * max(matrix.shape) * np.finfo(float).eps).sum())
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda v: _free_energy(np.exp(v), squares, long, alpha, least),
        bounds=(np.log(lower), np.log(upper)),
        method="bounded",
    )
    return int((squares > long * np.exp(found.x) * least).sum())


def _free_energy(variance: float, squares: npt.NDArray[np.float64], long: int, alpha: float, least: float) -> float:
    """Theorem 3, up to a constant, with all singular values known."""
    x = squares / (long * variance)
    noise, signal = x[x <= least], x[x > least]
    inner = signal - (1 + alpha)
    tau = (inner + np.sqrt(np.square(inner) - 4 * alpha)) / 2
    noise = np.maximum(noise, 1e-300)
    return float(
        (noise - np.log(noise)).sum()
        + (signal - tau + np.log((tau + 1) / signal) + alpha * np.log(tau / alpha + 1)).sum()
    )
