"""The chain of smaller layers that may stand in a layer's place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.values import Const, Value
from lissom.passes.least_squares.linear import Linear, Matrix


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


def compose(pieces: Sequence[Piece]) -> Matrix:
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


def chain(layer: Linear, pieces: Sequence[Piece], shift: npt.NDArray[np.floating] | None = None) -> Op:
    """The detached ops that do what ``pieces`` say, one after the other; bias and ``shift`` are added at the end.

    Pieces of the same dtype as the weights are taken as they are.
    """
    assert all(d == 1 for p in pieces for i, d in enumerate(p.w.shape[2:]) if i not in p.axes)
    x, last = layer.x, len(pieces) - 1
    for i, piece in enumerate(pieces):
        x = link(layer, x, piece, i, i == last, shift if i == last else None)
    assert isinstance(x, Op)
    return x


def link(
    layer: Linear, x: Value, piece: Piece, i: int, last: bool = False, shift: npt.NDArray[np.floating] | None = None
) -> Op:
    """The ``i``-th link of a chain, on ``x``; the last one has the layer's name and bias."""
    op, name = layer.op, layer.op.name if last else f"{layer.op.name}.{i}"
    match op:
        case Conv():
            rank = len(layer.taps)
            took = [a in piece.axes for a in range(rank)]
            pads = tuple(p if took[a % rank] else piece.w.shape[2 + a % rank] // 2 for a, p in enumerate(op.pads))
            auto = op.auto_pad if any(took) else "NOTSET"  # along an axis of one tap it pads nothing
            made: Op = Conv(
                x,
                _const(layer, piece.w, i),
                _bias(layer, op.b, shift) if last else None,
                strides=tuple(s if t else 1 for s, t in zip(op.strides, took, strict=True)),
                dilations=tuple(d if t else 1 for d, t in zip(op.dilations, took, strict=True)),
                pads=pads if auto == "NOTSET" else (),
                auto_pad=auto,
                group=piece.group,
            )
        case Gemm():
            w = _const(layer, piece.w if op.transB else piece.w.T, i)
            made = Gemm(
                x,
                w,
                _bias(layer, op.c, None if shift is None else shift / (op.beta or 1)) if last else None,
                alpha=op.alpha if last else 1.0,
                beta=op.beta if last else 1.0,
                transA=op.transA and i == 0,
                transB=op.transB,
            )
        case MatMul():
            made = MatMul(x, _const(layer, piece.w.T, i))
            if shift is not None and shift.any():
                made = Add(made.named(f"{name}.{i}", op.loc), _bias(layer, None, shift) or made)
    return made.named(name, op.loc)


def _const(layer: Linear, w: npt.NDArray[np.floating], i: int) -> Const:
    old = layer.weight
    stem, dot, leaf = old.name.rpartition(".")
    name = f"{stem}.{i}.{leaf}" if dot else f"{old.name}.{i}"
    data = w if w.dtype == old.data.dtype else np.ascontiguousarray(w).astype(old.data.dtype)
    return Const(data, name, trainable=old.trainable, loc=old.loc)


def _bias(layer: Linear, held: Value | None, shift: npt.NDArray[np.floating] | None) -> Value | None:
    if shift is None or not shift.any():
        return held
    if isinstance(held, Const):
        return held.replace((held.data + shift).astype(held.data.dtype))
    assert held is None
    old = layer.weight
    stem, dot, _ = old.name.rpartition(".")
    name = f"{stem}.bias" if dot else f"{old.name}.bias"
    return Const(shift.astype(old.data.dtype), name, trainable=old.trainable, loc=old.loc)
