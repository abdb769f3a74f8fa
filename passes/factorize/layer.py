"""A layer as the tensor of its weights, and the chain of smaller ones that may stand in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.values import Const, Value

Kernel: TypeAlias = npt.NDArray[np.float64]
"""Weights as (outputs, inputs, *taps); a matrix product has no taps."""


@dataclass(frozen=True, eq=False)
class Piece:
    """One link of a chain: weights (outputs, inputs / group, *taps).

    ``axes`` are the spatial axes along which it moves as the layer did, with its strides, pads and dilations; along the
    others it takes every place and keeps the size: its taps there are odd, mostly one.
    """

    w: npt.NDArray[np.floating]
    axes: tuple[int, ...] = ()
    group: int = 1

    @property
    def dense(self) -> npt.NDArray[np.floating]:
        """The weights without groups: (outputs, inputs, *taps)."""
        outputs, inputs, *taps = self.w.shape
        if self.group == 1:
            return self.w
        full = np.zeros((self.group, outputs // self.group, self.group, inputs, *taps))
        each = np.arange(self.group)
        full[each, :, each] = self.w.reshape(self.group, outputs // self.group, inputs, *taps)
        return full.reshape(outputs, self.group * inputs, *taps)


def compose(pieces: Sequence[Piece]) -> Kernel:
    """The kernel that a chain computes, in which each spatial axis belongs to one piece at most."""
    total = pieces[0].dense.astype(np.float64)
    for piece in pieces[1:]:
        w = piece.dense
        rank = w.ndim - 2
        spatial = [max(a, b) for a, b in zip(w.shape[2:], total.shape[2:], strict=True)]
        mine = [i for i in range(rank) if w.shape[2 + i] > 1]
        theirs = [i for i in range(rank) if total.shape[2 + i] > 1 and i not in mine]
        both = np.tensordot(
            w.reshape(*w.shape[:2], *(w.shape[2 + i] for i in mine)),
            total.reshape(*total.shape[:2], *(total.shape[2 + i] for i in theirs)),
            (1, 0),
        )  # outputs, mine, inputs, theirs
        both = np.moveaxis(both, 1 + len(mine), 1)
        order = np.argsort(np.array([*mine, *theirs], np.int64))
        both = both.transpose(0, 1, *(2 + int(i) for i in order))
        total = both.reshape(w.shape[0], total.shape[1], *spatial)
    return total


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution without groups or a matrix product whose weights are constant. See :func:`refusal`."""

    op: Conv | Gemm | MatMul

    @property
    def x(self) -> Value:
        """What the weights are multiplied with."""
        return self.op.x if isinstance(self.op, Conv) else self.op.a

    @property
    def weights(self) -> Const:
        """The constant that holds the weights."""
        w = self.op.w if isinstance(self.op, Conv) else self.op.b
        assert isinstance(w, Const)
        return w

    @property
    def input_axis(self) -> int:
        """The axis of the input that the weights sum over."""
        if isinstance(self.op, Conv):
            return 1
        return 0 if isinstance(self.op, Gemm) and self.op.transA else -1

    @property
    def output_axis(self) -> int:
        """The axis of the output along which the layer's outputs lie."""
        return 1 if isinstance(self.op, Conv) else -1

    @cached_property
    def kernel(self) -> Kernel:
        """The weights as (outputs, inputs, *taps)."""
        w = self.weights.data.astype(np.float64)
        if isinstance(self.op, Conv):
            return w
        return w if isinstance(self.op, Gemm) and self.op.transB else w.T

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the kernel."""
        shape = self.weights.data.shape
        return shape if isinstance(self.op, Conv) or (isinstance(self.op, Gemm) and self.op.transB) else shape[::-1]

    @property
    def taps(self) -> tuple[int, ...]:
        """Sizes of the kernel along spatial axes; none for a matrix product."""
        return self.shape[2:]

    @property
    def is_pointwise(self) -> bool:
        """Whether each output reads one place only: a matrix product, or a convolution of one tap."""
        return all(k == 1 for k in self.taps)

    def chain(self, pieces: Sequence[Piece], shift: npt.NDArray[np.floating] | None = None) -> Op:
        """The detached ops that do what ``pieces`` say, one after the other; bias and ``shift`` are added at the end.

        Pieces of the same dtype as the weights are taken as they are.
        """
        assert all(d == 1 for p in pieces for i, d in enumerate(p.w.shape[2:]) if i not in p.axes)
        x, last = self.x, len(pieces) - 1
        for i, piece in enumerate(pieces):
            x = self.link(x, piece, i, i == last, shift if i == last else None)
        assert isinstance(x, Op)
        return x

    def link(
        self, x: Value, piece: Piece, i: int, last: bool = False, shift: npt.NDArray[np.floating] | None = None
    ) -> Op:
        """The ``i``-th link of a chain, on ``x``; the last one has the layer's name and bias."""
        op, name = self.op, self.op.name if last else f"{self.op.name}.{i}"
        match op:
            case Conv():
                rank = len(self.taps)
                took = [a in piece.axes for a in range(rank)]
                pads = tuple(p if took[a % rank] else piece.w.shape[2 + a % rank] // 2 for a, p in enumerate(op.pads))
                auto = op.auto_pad if any(took) else "NOTSET"  # along an axis of one tap it pads nothing
                made: Op = Conv(
                    x,
                    self._const(piece.w, i),
                    self._bias(op.b, shift) if last else None,
                    strides=tuple(s if t else 1 for s, t in zip(op.strides, took, strict=True)),
                    dilations=tuple(d if t else 1 for d, t in zip(op.dilations, took, strict=True)),
                    pads=pads if auto == "NOTSET" else (),
                    auto_pad=auto,
                    group=piece.group,
                )
            case Gemm():
                w = self._const(piece.w if op.transB else piece.w.T, i)
                made = Gemm(
                    x,
                    w,
                    self._bias(op.c, None if shift is None else shift / (op.beta or 1)) if last else None,
                    alpha=op.alpha if last else 1.0,
                    beta=op.beta if last else 1.0,
                    transA=op.transA and i == 0,
                    transB=op.transB,
                )
            case MatMul():
                made = MatMul(x, self._const(piece.w.T, i))
                if shift is not None and shift.any():
                    made = Add(made.named(f"{name}.{i}", op.loc), self._bias(None, shift) or made)
        return made.named(name, op.loc)

    def _const(self, w: npt.NDArray[np.floating], i: int) -> Const:
        old = self.weights
        stem, dot, leaf = old.name.rpartition(".")
        name = f"{stem}.{i}.{leaf}" if dot else f"{old.name}.{i}"
        data = w if w.dtype == old.data.dtype else np.ascontiguousarray(w).astype(old.data.dtype)
        return Const(data, name, trainable=old.trainable, loc=old.loc)

    def _bias(self, held: Value | None, shift: npt.NDArray[np.floating] | None) -> Value | None:
        if shift is None or not shift.any():
            return held
        if isinstance(held, Const):
            return held.replace((held.data + shift).astype(held.data.dtype))
        assert held is None
        old = self.weights
        stem, dot, _ = old.name.rpartition(".")
        name = f"{stem}.bias" if dot else f"{old.name}.bias"
        return Const(shift.astype(old.data.dtype), name, trainable=old.trainable, loc=old.loc)


def layer_of(op: Op) -> Layer | str | None:
    """The op as a layer; why not, where it has weights all the same; None for an op without."""
    match op:
        case ConvTranspose():
            return "it is a transposed convolution"
        case Conv(_, w, b):
            if op.group > 1:
                return f"it has {op.group} groups already"
        case Gemm(_, w, b):
            if not isinstance(w, Const) and isinstance(op.a, Const):
                return "its weights are on the left"
            if isinstance(b, Const) and b.data.ndim == 2 and b.data.shape[0] > 1:
                return "its bias differs from row to row"
        case MatMul(a, w):
            b = None
            if isinstance(a, Const):
                return "its weights are on the left"
            if not isinstance(w, Const):
                return None  # a product of two activations, as in attention
            if w.data.ndim != 2 or a.type.rank < 2:
                return "its operands are no matrices"
        case _:
            return None
    if not isinstance(w, Const):
        return "its weights are computed; factorize before they are quantized or masked"
    if b is not None and not isinstance(b, Const):
        return "its bias is computed"
    if not w.type.dtype.is_float:
        return f"its weights are {w.type.dtype}"
    if len(w.users) > 1:
        return f"its weights are shared by {len(w.users)} ops"
    if not np.isfinite(w.data).all():
        return "its weights are not finite"
    return Layer(op)
