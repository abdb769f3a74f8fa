"""A convolution in groups, then a 1x1 across them; with one channel a group, MobileNet's depthwise-separable one.

Howard et al. 2017 (arXiv:1704.04861); with more channels a group the block G(g) of Moonshine (Crowley et al. 2018,
arXiv:1711.02613).
"""

from __future__ import annotations

import numpy as np

from lissom.passes.factorize.chain import Piece
from lissom.passes.factorize.svd import svd
from lissom.passes.least_squares.equations import solve_definite
from lissom.passes.least_squares.linear import Matrix
from lissom.passes.substitute.block import Built, Site, Unsuitable, chain

ITERATIONS = 6
RIDGE = 1e-4

FILTERS = 4
"""What a first layer, with one input or three, needs: one filter a channel says too little of an image."""


def per_group(kernel: Matrix, groups: int, times: int = 1) -> tuple[Matrix, Matrix]:
    """``spatial`` (M, I / groups, *k) in groups and ``mixing`` (O, M), the best pair for a kernel (O, I, *k); M is
    ``times`` I.

    Each group's part of the kernel is a matrix (O, I / groups * taps), of which an SVD keeps M / groups directions:
    ``times`` for each channel where every channel is a group (Guo et al. 2018, arXiv:1802.00939, theorem 1).
    """
    outputs, inputs, *taps = kernel.shape
    each = inputs // groups * times
    spatial, mixing = [], []
    for part in np.split(kernel, groups, axis=1):
        left, right = svd(part.reshape(outputs, -1), each)
        empty = each - len(right)  # what is left over beyond full rank
        spatial.append(np.pad(right, ((0, empty), (0, 0))).reshape(each, -1, *taps))
        mixing.append(np.pad(left, ((0, 0), (0, empty))))
    return np.concatenate(spatial), np.concatenate(mixing, axis=1)


def depthwise_on(windows: Matrix, kernel: Matrix, spatial: Matrix) -> tuple[Matrix, Matrix]:
    """The depthwise and 1x1 weights whose output on data is nearest to that of ``kernel`` (O, I, *k), beginning at
    ``spatial`` (M, 1, *k), where M is a multiple of I.

    ``windows`` is the covariance of the windows, (I * taps) squared. Alternating least squares: with the depthwise
    weights given the 1x1 ones are a regression, and the other way round.
    """
    outputs, inputs, *taps = kernel.shape
    w, d = kernel.reshape(outputs, -1), spatial.reshape(len(spatial), -1)
    middle, size = d.shape
    reads = np.arange(middle) // (middle // inputs)  # the channel that a filter is on
    cross = (w @ windows).reshape(outputs, inputs, size)[:, reads]
    blocks = windows.reshape(inputs, size, inputs, size)
    for step in range(ITERATIONS):
        half = np.einsum("iajb,jb->iaj", blocks[:, :, reads], d, optimize=True)
        gram = np.einsum("ia,iaj->ij", d, half[reads], optimize=True)
        mixing = _solve(gram, (w @ half.reshape(-1, middle)).T).T
        if step == ITERATIONS - 1:
            break
        alike = mixing.T @ mixing
        system = (blocks[reads][:, :, reads] * alike[:, None, :, None]).reshape(middle * size, -1)
        d = _solve(system, np.einsum("oi,oia->ia", mixing, cross).reshape(-1)).reshape(middle, size)
        d /= np.maximum(np.linalg.norm(d, axis=1, keepdims=True), 1e-12)
    return d.reshape(middle, 1, *taps), mixing


def _solve(gram: Matrix, right: Matrix) -> Matrix:
    damped = gram + np.eye(len(gram)) * (RIDGE * np.trace(gram) / len(gram) + 1e-30)
    return solve_definite(damped, right)


def depthwise_separable(site: Site) -> Built:
    """``ratio`` filters for each channel, then 1x1; by default one, and at least ``FILTERS`` in all."""
    inputs = site.layer.shape[1]
    times = site.width(-(-FILTERS // inputs), inputs, inputs) // inputs
    spatial, mixing = per_group(site.layer.kernel, inputs, times)
    if site.windows is not None:
        spatial, mixing = depthwise_on(site.windows, site.layer.kernel, spatial)
    return chain(site, [Piece(spatial, site.axes, inputs), site.pointwise(mixing)])


def grouped(site: Site) -> Built:
    """``groups`` groups, then 1x1."""
    if site.layer.shape[1] % site.groups or site.groups < 2:
        raise Unsuitable(f"its {site.layer.shape[1]} inputs do not make {site.groups} groups")
    spatial, mixing = per_group(site.layer.kernel, site.groups)
    return chain(site, [Piece(spatial, site.axes, site.groups), site.pointwise(mixing)])
