"""A convolution in groups, then a 1x1 across them; with one channel a group, MobileNet's depthwise-separable one.

Howard et al. 2017 (arXiv:1704.04861); with more channels a group the block G(g) of Moonshine (Crowley et al. 2018,
arXiv:1711.02613).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.linalg

from lissom.passes.factorize.layer import Kernel, Piece
from lissom.passes.factorize.svd import svd
from lissom.passes.substitute.block import Built, Site, Unsuitable, chain

ITERATIONS = 6
RIDGE = 1e-4


def per_group(kernel: Kernel, groups: int) -> tuple[Kernel, npt.NDArray[np.float64]]:
    """``spatial`` (I, I / groups, *k) in groups and ``mixing`` (O, I), the best pair for a kernel (O, I, *k).

    Each group's part of the kernel is a matrix (O, I / groups * taps), of which an SVD keeps I / groups directions:
    one for each channel where every channel is a group (Guo et al. 2018, arXiv:1802.00939, theorem 1).
    """
    outputs, inputs, *taps = kernel.shape
    each = inputs // groups
    spatial, mixing = [], []
    for part in np.split(kernel, groups, axis=1):
        rank = min(each, outputs)
        left, right = svd(part.reshape(outputs, -1), rank)
        if rank < each:  # more channels than outputs: those left over stay empty
            left = np.pad(left, ((0, 0), (0, each - rank)))
            right = np.pad(right, ((0, each - rank), (0, 0)))
        spatial.append(right.reshape(each, each, *taps))
        mixing.append(left)
    return np.concatenate(spatial), np.concatenate(mixing, axis=1)


def depthwise_on(
    windows: npt.NDArray[np.float64], kernel: Kernel, spatial: Kernel
) -> tuple[Kernel, npt.NDArray[np.float64]]:
    """The depthwise and 1x1 weights whose output on data is nearest to that of ``kernel``, beginning at ``spatial``.

    ``windows`` is the covariance of the windows, (I * taps) squared. Alternating least squares: with the depthwise
    weights given the 1x1 ones are a regression, and the other way round.
    """
    outputs, inputs, *taps = kernel.shape
    w, d = kernel.reshape(outputs, -1), spatial.reshape(inputs, -1)
    size = d.shape[1]
    cross = w @ windows
    blocks = windows.reshape(inputs, size, inputs, size)
    for step in range(ITERATIONS):
        half = np.einsum("iajb,jb->iaj", blocks, d, optimize=True)
        gram = np.einsum("ia,iaj->ij", d, half, optimize=True)
        mixing = _solve(gram, (w @ half.reshape(-1, inputs)).T).T
        if step == ITERATIONS - 1:
            break
        alike = mixing.T @ mixing
        system = (blocks * alike[:, None, :, None]).reshape(inputs * size, -1)
        d = _solve(system, np.einsum("oi,oia->ia", mixing, cross.reshape(outputs, inputs, size)).reshape(-1))
        d = d.reshape(inputs, size)
        d /= np.maximum(np.linalg.norm(d, axis=1, keepdims=True), 1e-12)
    return d.reshape(inputs, 1, *taps), mixing


def _solve(gram: npt.NDArray[np.float64], right: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    damped = gram + np.eye(len(gram)) * (RIDGE * np.trace(gram) / len(gram) + 1e-30)
    solved: npt.NDArray[np.float64] = scipy.linalg.solve(damped, right, assume_a="pos")
    return solved


def depthwise_separable(site: Site) -> Built:
    """One filter for each channel, then 1x1."""
    inputs = site.layer.shape[1]
    spatial, mixing = per_group(site.layer.kernel, inputs)
    if site.windows is not None:
        spatial, mixing = depthwise_on(site.windows, site.layer.kernel, spatial)
    return chain(site, [Piece(spatial, site.axes, inputs), site.pointwise(mixing)])


def grouped(site: Site) -> Built:
    """``groups`` groups, then 1x1."""
    if site.layer.shape[1] % site.groups or site.groups < 2:
        raise Unsuitable(f"its {site.layer.shape[1]} inputs do not make {site.groups} groups")
    spatial, mixing = per_group(site.layer.kernel, site.groups)
    return chain(site, [Piece(spatial, site.axes, site.groups), site.pointwise(mixing)])
