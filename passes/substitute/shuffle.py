"""Two convolutions in groups with a channel shuffle between them (ShuffleNet, Zhang et al. 2017, arXiv:1707.01083)."""

from __future__ import annotations

import numpy as np

from lissom.ir.op import Op
from lissom.ir.ops.gather import Gather
from lissom.ir.values import Const
from lissom.passes.factorize.chain import Piece
from lissom.passes.factorize.svd import svd
from lissom.passes.least_squares.linear import Matrix
from lissom.passes.substitute.block import Built, Site, Unsuitable, chain


def per_block(kernel: Matrix, groups: int, middle: int) -> tuple[Matrix, Matrix]:
    """``first`` (middle, I / groups, *k) and ``second`` (O, middle / groups), both in groups, shuffled in between.

    The part of the kernel from one group of inputs to one of outputs passes through middle / groups**2 channels alone,
    so truncated SVDs of these parts are the best fit (Dao et al. 2022, Monarch, arXiv:2204.00595, section 3.3).
    """
    outputs, inputs, *taps = kernel.shape
    rank = middle // groups**2
    first = np.zeros((groups, groups, rank, inputs // groups, *taps))  # from, to
    second = np.zeros((groups, outputs // groups, groups, rank))  # to, from
    parts = kernel.reshape(groups, outputs // groups, groups, inputs // groups, *taps)
    for to in range(groups):
        for source in range(groups):
            part = parts[to, :, source]
            left, right = svd(part.reshape(len(part), -1), min(rank, len(part)))
            first[source, to, : len(right)] = right.reshape(-1, inputs // groups, *taps)
            second[to, :, source, : len(right)] = left
    return first.reshape(middle, inputs // groups, *taps), second.reshape(outputs, middle // groups)


def shuffled(op: Op, groups: int) -> Op:
    """The channel shuffle: from (group, rest) to (rest, group), where ``rest`` counts the groups to come too."""
    channels = op.type.dims[1]
    assert isinstance(channels, int)
    order = np.arange(channels).reshape(groups, groups, -1).transpose(1, 0, 2).reshape(-1)
    return Gather(op, Const(order, f"{op.name}.order"), 1).named(f"{op.name}.shuffle", op.loc)


def grouped_shuffle(site: Site) -> Built:
    """k x k in groups, shuffle, 1x1 in groups; ``ratio`` is the width in between, relative to the outputs."""
    outputs, inputs = site.layer.shape[:2]
    g = site.groups
    if g < 2 or outputs % g or inputs % g:
        raise Unsuitable(f"its {inputs} inputs and {outputs} outputs do not make {g} groups")
    middle = site.width(1.0, outputs, g * g)
    first, second = per_block(site.layer.kernel, g, middle)
    pieces = [Piece(first, site.axes, g), Piece(site.pointwise(second).w, (), g)]
    return chain(site, pieces, lambda op, _: shuffled(op, g))
