"""Convolutions and matrix products as what they are for least squares: rows times a matrix, plus a bias.

A :class:`Linear` shows an op as ``y[g] = a[g] @ w[g] + b[g]`` over groups g (one, save in grouped convolutions): ``a``
has a row for each position of the output, ``w`` a column for each output channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.values import Const, Value

Matrix: TypeAlias = npt.NDArray[np.float64]
WIDEST = 8192
"""Inputs of an op, kernel positions counted, up to which their second moments are kept in memory."""

Positions: TypeAlias = tuple[torch.Tensor, ...]
"""Indices along the axes of an output other than its channels."""


@dataclass(frozen=True, eq=False)
class Linear:
    """An op that multiplies what it reads by constant weights. See :func:`linear`."""

    op: Conv | Gemm | MatMul

    @property
    def x(self) -> Value:
        """What is multiplied."""
        return self.op.x if isinstance(self.op, Conv) else self.op.a

    @property
    def weight(self) -> Value:
        """What it is multiplied by."""
        return self.op.w if isinstance(self.op, Conv) else self.op.b

    @property
    def input_axis(self) -> int:
        """The axis of ``x`` that is summed over."""
        if isinstance(self.op, Conv):
            return 1
        return 0 if isinstance(self.op, Gemm) and self.op.transA else self.op.a.type.rank - 1

    @property
    def groups(self) -> int:
        return self.op.group if isinstance(self.op, Conv) else 1

    def matrix(self) -> Matrix:
        """The weights as (groups, inputs, outputs)."""
        match self.op:
            case Conv(_, Const(w)):
                flat = np.moveaxis(w, 1, -1).reshape(self.groups, w.shape[0] // self.groups, -1)
                matrix: Matrix = flat.transpose(0, 2, 1).astype(np.float64)
                return matrix
            case Gemm(_, Const(b)):
                return (self.op.alpha * (b.T if self.op.transB else b).astype(np.float64))[None]
            case MatMul(_, Const(b)):
                return b.astype(np.float64)[None]
        raise AssertionError(self.op)

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
        match self.op:
            case Conv(_, Const(w)):
                outputs, inputs, *kernel = w.shape
                rows = matrix.transpose(0, 2, 1).reshape(outputs, *kernel, inputs)
                b = None if self.op.b is None and not flat.any() else flat.astype(w.dtype)
                return self.op.replace(w=np.ascontiguousarray(np.moveaxis(rows, -1, 1)).astype(w.dtype), b=b)
            case Gemm(_, Const(w)):
                new = (matrix[0].T if self.op.transB else matrix[0]).astype(w.dtype)
                c = None if self.op.c is None and not flat.any() else flat.astype(w.dtype)
                return self.op.replace(b=np.ascontiguousarray(new), c=c, alpha=1.0, beta=1.0)
            case MatMul(_, Const(w)):
                product = self.op.replace(b=matrix[0].astype(w.dtype))
                return (
                    Add(product, Const(flat.astype(w.dtype))).named(f"{self.op.name}.shift") if flat.any() else product
                )
        raise AssertionError(self.op)

    def output_shape(self, x: torch.Tensor) -> tuple[int, ...]:
        """The shape of the result for ``x``."""
        if isinstance(self.op, Conv):
            return tuple(self.op.run(x.to("meta"), torch.empty(self.op.w.type.static or (), device="meta")).shape)
        columns = self.matrix().shape[2]
        return (*(reversed(x.shape[1:]) if isinstance(self.op, Gemm) and self.op.transA else x.shape[:-1]), columns)

    def positions(self, y: torch.Tensor, count: int, rng: np.random.Generator) -> Positions:
        """At most ``count`` places of an output of the shape of ``y``, drawn without replacement."""
        sizes = [n for i, n in enumerate(y.shape) if i != self.channel_axis(y)]
        total = int(np.prod(sizes))
        chosen = np.arange(total) if total <= count else rng.choice(total, count, replace=False)
        return tuple(torch.from_numpy(i.astype(np.int64)) for i in np.unravel_index(chosen, sizes))

    def outputs(self, y: torch.Tensor, at: Positions) -> Matrix:
        """The rows of an output at these places, (groups, places, outputs of a group)."""
        rows = y.movedim(self.channel_axis(y), -1)[at]
        return rows.reshape(len(rows), self.groups, -1).permute(1, 0, 2).double().numpy()

    def rows(self, x: torch.Tensor, at: Positions) -> Matrix:
        """What the weights are multiplied with at these places: (groups, places, inputs of a group)."""
        if not isinstance(self.op, Conv):
            return (x.T if isinstance(self.op, Gemm) and self.op.transA else x)[at][None].double().numpy()
        op, rank = self.op, x.ndim - 2
        padded = F.pad(x, [p for i in reversed(range(rank)) for p in (op.pads[i], op.pads[rank + i])])
        batch, *spatial = at
        index = [batch.reshape(-1, *[1] * rank)]
        for i, (place, size) in enumerate(zip(spatial, op.kernel_shape, strict=True)):
            taps = torch.arange(size) * op.dilations[i]
            shape = [1] * rank
            shape[i] = size
            index.append(place.reshape(-1, *[1] * rank) * op.strides[i] + taps.reshape(1, *shape))
        windows = padded.movedim(1, -1)[tuple(index)]  # places, kernel, channels
        split = windows.reshape(len(batch), -1, self.groups, x.shape[1] // self.groups)
        return split.permute(2, 0, 1, 3).reshape(self.groups, len(batch), -1).double().numpy()

    def averaged(self, x: torch.Tensor) -> Matrix:
        """:meth:`rows` averaged over the positions of each sample, (samples, inputs); for one group."""
        if not isinstance(self.op, Conv):
            flat = x.T if isinstance(self.op, Gemm) and self.op.transA else x
            mean: Matrix = flat.reshape(len(flat), -1, flat.shape[-1]).mean(1).double().numpy()
            return mean
        op, rank = self.op, x.ndim - 2
        padded = F.pad(x, [p for i in reversed(range(rank)) for p in (op.pads[i], op.pads[rank + i])])
        counts = self.output_shape(x)[2:]
        taps = []
        for tap in np.ndindex(*op.kernel_shape):
            starts = [t * d for t, d in zip(tap, op.dilations, strict=True)]
            cuts = [slice(a, a + s * (n - 1) + 1, s) for a, s, n in zip(starts, op.strides, counts, strict=True)]
            cut = (slice(None), slice(None), *cuts)
            taps.append(padded[cut].double().flatten(2).mean(2))
        averaged: Matrix = torch.stack(taps, 1).flatten(1).numpy()
        return averaged

    def channel_axis(self, y: torch.Tensor) -> int:
        return 1 if isinstance(self.op, Conv) else y.ndim - 1


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
