"""What an op with weights multiplies them with, one row for each position of its output.

A convolution, a Gemm and a MatMul are all ``y[g] = a[g] @ w[g].T`` over groups g: a row of ``a`` is a window of the
input (or a row of it), channels outermost as in the weights, and a row of ``w`` holds what one output channel weighs
them with.
"""

from __future__ import annotations

from math import prod
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from lissom.ir.families.windows import explicit_pads, extent, torch_padding
from lissom.ir.op import Op
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.gemm import Gemm

Positions = tuple[torch.Tensor, ...]
"""Indices along the axes of an output other than its channels."""

W = TypeVar("W", npt.NDArray[Any], torch.Tensor)


def to_rows(op: Op, w: W) -> W:
    """Weights as (groups, outputs of a group, inputs of a group)."""
    if isinstance(op, Conv):
        return w.reshape(op.group, w.shape[0] // op.group, -1)
    return (w if isinstance(op, Gemm) and op.transB else w.T)[None]


def from_rows(op: Op, rows: W, shape: tuple[int, ...]) -> W:
    """The weights, of ``shape``, behind what :func:`to_rows` gave."""
    if isinstance(op, Conv):
        return rows.reshape(shape)
    flat: W = rows[0]
    return flat if isinstance(op, Gemm) and op.transB else flat.T


def positions_at(grid: tuple[int, ...], flat: torch.Tensor) -> Positions:
    """Flat positions of a grid as indices along its axes."""
    return tuple(torch.unravel_index(flat, grid))


def draw(grid: tuple[int, ...], count: int, rng: np.random.Generator) -> Positions:
    """At most ``count`` positions of a grid, drawn without replacement; all of them, in order, where it has no more."""
    total = prod(grid)
    chosen = np.arange(total) if total <= count else rng.choice(total, count, replace=False)
    return positions_at(grid, torch.from_numpy(chosen.astype(np.int64)))


def grid_of(op: Op, x: torch.Tensor) -> tuple[int, ...]:
    """The sizes of the output for ``x``, its channels left out."""
    if isinstance(op, Conv):
        windows = _windows(op, x)
        return (len(x), *windows.shape[2 : x.ndim])
    return tuple(_turned(op, x).shape[:-1])


def rows_at(op: Op, x: torch.Tensor, at: Positions) -> torch.Tensor:
    """What the weights are multiplied with at these positions of the output: (groups, positions, inputs of a group)."""
    if not isinstance(op, Conv):
        return _turned(op, x)[at].unsqueeze(0)
    windows = _windows(op, x).movedim(1, x.ndim - 1)[at]  # positions, channels, *kernel
    return windows.reshape(len(windows), op.group, -1).transpose(0, 1)


def rows_mean(op: Op, x: torch.Tensor) -> torch.Tensor:
    """The rows averaged over the positions of each sample, in float64: (groups, samples, inputs of a group)."""
    if not isinstance(op, Conv):
        turned = _turned(op, x)
        return turned.reshape(len(turned), -1, turned.shape[-1]).double().mean(1).unsqueeze(0)
    mean = _windows(op, x).double().mean(tuple(range(2, x.ndim)))  # samples, channels, *kernel
    return mean.reshape(len(x), op.group, -1).transpose(0, 1)


def _turned(op: Op, x: torch.Tensor) -> torch.Tensor:
    return x.T if isinstance(op, Gemm) and op.transA else x


def _windows(op: Conv, x: torch.Tensor) -> torch.Tensor:
    """Every window of a convolution's input, as a view: (samples, channels, *out, *kernel)."""
    rank = x.ndim - 2
    kernel = op.kernel_shape
    _, pads = explicit_pads(op.auto_pad, op.pads, x.shape[2:], kernel, op.strides, op.dilations)
    view = functional.pad(x, torch_padding(pads[:rank], pads[rank:]))
    for axis in range(rank):
        view = view.unfold(2 + axis, extent(kernel[axis], op.dilations[axis]), op.strides[axis])
    taps: tuple[Any, ...] = tuple(slice(None, None, d) for d in op.dilations)
    return view[(slice(None),) * (2 + rank) + taps]
