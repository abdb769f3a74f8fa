"""Blocks that go through fewer or cheaper channels: bottleneck (ResNet), Fire (SqueezeNet), inverted residual."""

from __future__ import annotations

import numpy as np

from lissom.passes.factorize.chain import Piece
from lissom.passes.factorize.cp import cp
from lissom.passes.factorize.tucker import tucker2, unfold
from lissom.passes.substitute.block import Built, Site, Unsuitable, branches, chain


def bottleneck(site: Site) -> Built:
    """1x1, k x k, 1x1 (He et al. 2015, arXiv:1512.03385), begun at the Tucker decomposition.

    ``ratio`` is the width inside, relative to the narrower side; default 0.5.
    """
    outputs, inputs = site.layer.shape[:2]
    width = site.width(0.5, min(outputs, inputs))
    left, core, right = tucker2(site.kernel, min(width, outputs), min(width, inputs))
    return chain(site, [site.pointwise(site.unwhitened(right)), Piece(core, site.axes), site.pointwise(left)])


def fire(site: Site) -> Built:
    """1x1 to few channels, then 1x1 beside k x k, half of the outputs each (Iandola et al. 2016, arXiv:1602.07360).

    The outputs with most of their energy at the centre of the window go to the 1x1. The few channels are the directions
    of the inputs that matter most to all of them. ``ratio`` is their number relative to the inputs; default 0.25.
    """
    site.require_centred()
    kernel = site.kernel
    outputs, inputs, *taps = kernel.shape
    if outputs < 2:
        raise Unsuitable("its one output has no halves")
    centre = (slice(None), slice(None), *(k // 2 for k in taps))
    central = np.square(kernel[centre]).sum(1) / np.maximum(np.square(kernel).reshape(outputs, -1).sum(1), 1e-30)
    order = np.argsort(-central, kind="stable")
    pointwise, spatial = np.sort(order[: outputs // 2]), np.sort(order[outputs // 2 :])
    middles = kernel[centre][pointwise]
    seen = np.concatenate([middles.T, unfold(kernel[spatial], 1)], axis=1)
    width = min(site.width(0.25, inputs), inputs)
    _, vectors = np.linalg.eigh(seen @ seen.T)
    basis = vectors[:, ::-1][:, :width].T
    layer = site.layer
    squeezed = site.activated(site.link(layer.x, site.pointwise(site.unwhitened(basis)), 0))
    wide = np.moveaxis(np.tensordot(kernel[spatial], basis, (1, 1)), -1, 1)
    small = site.link(squeezed, site.pointwise(middles @ basis.T), 1).replace(strides=site.op.strides)
    large = site.link(squeezed, Piece(wide, site.axes), 2)
    return branches(site, [(site.biased(small, pointwise), pointwise), (site.biased(large, spatial), spatial)])


def inverted_residual(site: Site) -> Built:
    """1x1 to more channels, depthwise, 1x1 (Sandler et al. 2018, arXiv:1801.04381), begun at the CP decomposition.

    ``ratio`` is the width inside, relative to the inputs; default 2. Without the sum around it: the layer has none.
    """
    outputs, inputs, *taps = site.layer.shape
    width = site.width(2.0, inputs)
    kernel = site.kernel.reshape(outputs, inputs, -1)
    left, right, along = cp(kernel, width)
    depthwise = Piece(along.T.reshape(width, 1, *taps), site.axes, width)
    return chain(site, [site.pointwise(site.unwhitened(right.T)), depthwise, site.pointwise(left)])
