"""Ghost module: half of the outputs come from the others, channel by channel (Han et al. 2019, arXiv:1911.11907)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lissom.ir.values import Const
from lissom.passes.factorize.chain import Piece
from lissom.passes.substitute.block import Built, Site, Unsuitable, branches

CHEAP = 3
"""Taps of the cheap convolution."""


def pairs(covariance: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Half of the channels, which say most about all, and for each the one of the others it is to give.

    The half is chosen by Cholesky with pivoting: always the channel with most variance that those before leave open.
    """
    from scipy.linalg.lapack import dpstrf
    from scipy.optimize import linear_sum_assignment

    half = len(covariance) // 2
    _, pivots, _, _ = dpstrf(covariance + np.eye(len(covariance)) * 1e-12, lower=1)
    primary = np.sort(pivots[:half] - 1).astype(np.int64)
    others = np.setdiff1d(np.arange(len(covariance)), primary)
    shared = np.square(covariance[np.ix_(primary, others)])
    explained = shared / np.maximum(np.diagonal(covariance)[primary], 1e-30)[:, None]
    rows, columns = linear_sum_assignment(-explained)
    return primary[rows], others[columns]


def ghost(site: Site) -> Built:
    """k x k to half of the outputs, from which a depthwise 3x3 makes the others."""
    layer = site.layer
    outputs = layer.shape[0]
    if outputs % 2:
        raise Unsuitable(f"its {outputs} outputs have no half")
    flat = site.kernel.reshape(outputs, -1)
    covariance = flat @ flat.T if site.statistics is None else site.statistics.outputs.covariance
    primary, ghosts = pairs(covariance)
    factor = covariance[primary, ghosts] / np.maximum(np.diagonal(covariance)[primary], 1e-30)
    cheap = np.zeros((len(ghosts), 1, *[CHEAP] * len(layer.taps)))
    cheap.reshape(len(ghosts), -1)[:, cheap[0].size // 2] = factor
    source = site.biased(site.link(layer.x, Piece(layer.kernel[primary], site.axes), 0), primary)
    made = site.link(site.activated(source), Piece(cheap, group=len(ghosts)), 1)
    bias = site.op.b
    if isinstance(bias, Const):  # the primary's bias comes through the cheap convolution too
        made = made.replace(b=bias.replace((bias.data[ghosts] - factor * bias.data[primary]).astype(bias.data.dtype)))
    return branches(site, [(source, primary), (made, ghosts)])
