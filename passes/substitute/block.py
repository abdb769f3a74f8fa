"""The place where a block goes: the layer that is there, what is known of its data, and the block's own numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from lissom.ir.op import Op
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.gather import Gather
from lissom.ir.ops.relu import Relu
from lissom.ir.types import Array
from lissom.ir.values import Const, Value
from lissom.passes.factorize.chain import Piece, link
from lissom.passes.factorize.refit import Fit
from lissom.passes.least_squares.linear import Linear, Matrix
from lissom.passes.least_squares.statistics import Statistics


class Unsuitable(Exception):
    """Raised by a block that cannot take a layer's place; the text says why."""


@dataclass(frozen=True, eq=False)
class Site:
    """A convolution, with what the options of the pass say about the block in its place."""

    layer: Linear
    statistics: Statistics | None = None
    windows: Matrix | None = None
    """Covariance of the layer's windows, (inputs * taps) squared, inputs outermost; None where it is not known."""
    ratio: float | None = None
    groups: int = 4
    relu: bool = False

    @property
    def op(self) -> Conv:
        assert isinstance(self.layer.op, Conv)
        return self.layer.op

    @property
    def axes(self) -> tuple[int, ...]:
        """All spatial axes."""
        return tuple(range(len(self.layer.taps)))

    @property
    def kernel(self) -> Matrix:
        """The kernel whose plain error counts."""
        w = self.layer.kernel
        return w if self.statistics is None else self.statistics.whitened(w)

    def unwhitened(self, w: Matrix) -> Matrix:
        """What reads the inputs, for inputs as they are."""
        return w if self.statistics is None else self.statistics.unwhitened(w)

    def pointwise(self, matrix: Array) -> Piece:
        """A 1x1 convolution from a matrix (outputs, inputs)."""
        return Piece(matrix.reshape(*matrix.shape, *[1] * len(self.axes)))

    def link(self, x: Value, piece: Piece, i: int, last: bool = False) -> Op:
        """The ``i``-th convolution of the block, on ``x``; the last one has the layer's name and bias."""
        return link(self.layer, x, piece, i, last)

    def width(self, default: float, of: int, multiple: int = 1) -> int:
        """``ratio`` of a number of channels, as a multiple."""
        return max(multiple, round((self.ratio or default) * of / multiple) * multiple)

    def activated(self, op: Op) -> Op:
        """What stands between two convolutions of the block."""
        return Relu(op).named(f"{op.name}.relu", op.loc) if self.relu else op

    def biased(self, op: Op, channels: Array) -> Op:
        """``op`` with the layer's bias of some channels."""
        bias = self.op.b
        return op.replace(b=bias.replace(bias.data[channels])) if isinstance(bias, Const) else op

    def require_centred(self) -> None:
        """Raise Unsuitable unless a 1x1 convolution of the same strides reads the centre of each window."""
        op = self.op
        wanted = tuple(d * (k // 2) for d, k in zip(op.dilations, self.layer.taps, strict=True))
        if any(k % 2 == 0 for k in self.layer.taps) or op.auto_pad != "NOTSET" or op.pads != wanted * 2:
            raise Unsuitable(f"its windows {self.layer.taps} with pads {op.pads} have no centre that a 1x1 could read")


@dataclass(frozen=True, eq=False)
class Built:
    """A detached block: the op that ends it, and which of its ops can be fitted to which channels."""

    tail: Op
    fits: tuple[tuple[Op, Array | None], ...]

    def to_fit(self) -> list[Fit]:
        """For :func:`~lissom.passes.factorize.refit.refit`, in the order they are computed."""
        return [Fit(op, self.tail, channels) for op, channels in self.fits]


Block: TypeAlias = Callable[[Site], Built]


def chain(site: Site, pieces: Sequence[Piece], between: Callable[[Op, int], Op] | None = None) -> Built:
    """Convolutions one after the other; ``between`` makes what follows the i-th but the last."""
    x: Value = site.layer.x
    for i, piece in enumerate(pieces):
        op = site.link(x, piece, i, last=i == len(pieces) - 1)
        if i == len(pieces) - 1:
            return Built(op, ((op, None),))
        x = between(site.activated(op), i) if between is not None else site.activated(op)
    raise AssertionError("a chain has a piece")


def branches(site: Site, parts: Sequence[tuple[Op, Array]]) -> Built:
    """Concatenate ops, each of which gives some channels of the output, and restore the order."""
    op = site.op
    order = np.argsort(np.concatenate([channels for _, channels in parts]))
    joined: Op = Concat(tuple(made for made, _ in parts), 1)
    if not np.array_equal(order, np.arange(len(order))):
        joined = Gather(joined.named(f"{op.name}.parts", op.loc), Const(order, f"{op.name}.order"), 1)
    return Built(joined.named(op.name, op.loc), tuple(parts))
