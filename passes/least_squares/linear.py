"""Convolutions and matrix products as what they are for least squares: rows times a matrix, plus a bias.

A :class:`Linear` shows an op as ``y[g] = a[g] @ w[g] + b[g]`` over groups g (one, save in grouped convolutions): ``a``
has a row for each position of the output, ``w`` a column for each output channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.values import Const, Value
from lissom.passes.least_squares.rows import Positions, draw, from_rows, grid_of, rows_at, rows_mean, to_rows

Matrix: TypeAlias = npt.NDArray[np.float64]
T = TypeVar("T", bound=np.generic)

WIDEST = 8192
"""Inputs of an op, kernel positions counted, up to which their second moments are kept in memory."""


@dataclass(frozen=True, eq=False)
class Linear:
    """An op that multiplies what it reads by constant weights. See :func:`linear`."""

    op: Conv | Gemm | MatMul

    @property
    def x(self) -> Value:
        """What is multiplied."""
        return self.op.x if isinstance(self.op, Conv) else self.op.a

    @property
    def weight(self) -> Const:
        """What it is multiplied by."""
        w = self.op.w if isinstance(self.op, Conv) else self.op.b
        assert isinstance(w, Const)
        return w

    @property
    def input_axis(self) -> int:
        """The axis of ``x`` that is summed over."""
        if isinstance(self.op, Conv):
            return 1
        return 0 if isinstance(self.op, Gemm) and self.op.transA else self.op.a.type.rank - 1

    @property
    def output_axis(self) -> int:
        """The axis of the output along which its channels lie."""
        return 1 if isinstance(self.op, Conv) else -1

    @cached_property
    def kernel(self) -> Matrix:
        """The weights as (outputs, inputs of a group, *taps); a matrix product has no taps."""
        w: Matrix = self.weight.data.astype(np.float64)
        return w.T if self._is_turned else w

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the kernel."""
        shape = self.weight.data.shape
        return shape[::-1] if self._is_turned else shape

    @property
    def _is_turned(self) -> bool:
        """Whether inputs come before outputs in the weights."""
        return not (isinstance(self.op, Conv) or (isinstance(self.op, Gemm) and self.op.transB))

    @property
    def taps(self) -> tuple[int, ...]:
        """Sizes of the kernel along spatial axes; none for a matrix product."""
        return self.shape[2:]

    @property
    def is_pointwise(self) -> bool:
        """Whether each output reads one place only: a matrix product, or a convolution of one tap."""
        return all(k == 1 for k in self.taps)

    @property
    def groups(self) -> int:
        return self.op.group if isinstance(self.op, Conv) else 1

    @property
    def inputs(self) -> int:
        """Inputs of a group, kernel positions counted."""
        w = self.weight.data
        return int(np.prod(w.shape[1:])) if isinstance(self.op, Conv) else int(to_rows(self.op, w).shape[2])

    def matrix(self) -> Matrix:
        """The weights as (groups, inputs, outputs)."""
        alpha = self.op.alpha if isinstance(self.op, Gemm) else 1.0
        matrix: Matrix = alpha * to_rows(self.op, self.weight.data.astype(np.float64)).transpose(0, 2, 1)
        return matrix

    def bias(self) -> Matrix:
        """The bias as (groups, outputs)."""
        outputs = self.op.type.dims[1 if isinstance(self.op, Conv) else -1]
        assert isinstance(outputs, int)
        match self.op:
            case Conv(_, _, Const(b)):
                bias = b.astype(np.float64)
            case Gemm(_, _, Const(c)):
                bias = np.broadcast_to(self.op.beta * c.astype(np.float64).reshape(-1), (outputs,))
            case _:
                bias = np.zeros(outputs)
        return bias.reshape(self.groups, -1)

    def rebuilt(self, matrix: Matrix, bias: Matrix) -> Op:
        """The op with other weights, detached."""
        flat = bias.reshape(-1)
        old = self.weight.data
        w = np.ascontiguousarray(from_rows(self.op, matrix.transpose(0, 2, 1), old.shape)).astype(old.dtype)
        match self.op:
            case Conv():
                b = None if self.op.b is None and not flat.any() else flat.astype(w.dtype)
                return self.op.replace(w=w, b=b)
            case Gemm():
                c = None if self.op.c is None and not flat.any() else flat.astype(w.dtype)
                return self.op.replace(b=w, c=c, alpha=1.0, beta=1.0)
            case MatMul():
                product = self.op.replace(b=w)
                return (
                    Add(product, Const(flat.astype(w.dtype))).named(f"{self.op.name}.shift") if flat.any() else product
                )
        raise AssertionError(self.op)

    def output_shape(self, x: torch.Tensor) -> tuple[int, ...]:
        """The shape of the result for ``x``."""
        batch, *rest = grid_of(self.op, x)
        channels = self.groups * self.matrix().shape[2]
        return (batch, channels, *rest) if isinstance(self.op, Conv) else (batch, *rest, channels)

    def positions(self, y: torch.Tensor, count: int, rng: np.random.Generator) -> Positions:
        """At most ``count`` places of an output of the shape of ``y``, drawn without replacement."""
        return draw(tuple(n for i, n in enumerate(y.shape) if i != self.output_axis % y.ndim), count, rng)

    def outputs(self, y: torch.Tensor, at: Positions) -> Matrix:
        """The rows of an output at these places, (groups, places, outputs of a group)."""
        rows = y.movedim(self.output_axis, -1)[at]
        return rows.reshape(len(rows), self.groups, -1).permute(1, 0, 2).double().numpy()

    def rows(self, x: torch.Tensor, at: Positions) -> Matrix:
        """What the weights are multiplied with at these places: (groups, places, inputs of a group)."""
        return rows_at(self.op, x, at).double().numpy()

    def averaged(self, x: torch.Tensor) -> Matrix:
        """:meth:`rows` averaged over the positions of each sample, (samples, inputs); for one group."""
        mean: Matrix = rows_mean(self.op, x)[0].numpy()
        return mean

    def per_input(self, channels: npt.NDArray[T]) -> npt.NDArray[T]:
        """What is known of each channel of ``x``, (channels), for each input of each group: (groups, inputs)."""
        split = channels.reshape(self.groups, -1, 1)
        return np.broadcast_to(split, (*split.shape[:2], self.inputs // split.shape[1])).reshape(self.groups, -1)


def linear(op: Op) -> Linear | None:
    """The op as a :class:`Linear`; None where it is none, or its weights are computed or not plain floats."""
    match op:
        case Conv(_, Const() as w, Const() | None) if op.auto_pad == "NOTSET":
            pass
        case Gemm(_, Const() as w, Const() | None) if op.c is None or _flat(op.c):
            pass
        case MatMul(_, Const() as w) if w.data.ndim == 2:
            pass
        case _:
            return None
    return Linear(op) if w.type.dtype.is_float else None


def _flat(c: Value) -> bool:
    return all(d == 1 for d in c.type.dims[:-1])
