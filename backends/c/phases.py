"""Transposed convolutions as convolutions: of stride s each s neighbours of the result, its *phases*, become channels.

Along an axis y[j] = sum_t x[a] w[t] over all a and t with s a + d t = j + p. With j + q = s i + r, every tap t belongs
to the one phase r for which r - q + p - d t is a multiple of s, and meets x at a = i + (r - q + p - d t) / s. So all
phases are one convolution of stride 1 over i, with zeros for the taps that a phase does not have; then phases move from
the channels to where they belong, and what is before the first q results, or behind the last, is cut off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, gcd, prod
from typing import Any

import numpy as np

from lissom.ir.errors import Unsupported
from lissom.ir.op import Op
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.qlinear_conv import QLinearConv
from lissom.ir.ops.qlinear_conv_transpose import QLinearConvTranspose
from lissom.ir.ops.reshape import Reshape
from lissom.ir.ops.slice import Slice
from lissom.ir.ops.transpose import Transpose
from lissom.ir.types import Array
from lissom.ir.values import Const, Value


@dataclass(frozen=True)
class Axis:
    """One axis of the convolution."""

    cut: int
    """Results before the first: q."""
    count: int
    """Positions."""
    taps: tuple[tuple[int, int], ...]
    """For each tap of the transposed one, its phase and its place in the kernel."""
    kernel: int
    dilation: int
    pads: tuple[int, int]


def transposed(op: ConvTranspose | QLinearConvTranspose) -> tuple[Value, ...]:
    """What a transposed convolution with constant weights stands for; raises Unsupported for others."""
    rank, group = op.type.rank - 2, op.group
    bias = op.b.data if isinstance(op.b, Const) else None
    if not isinstance(op.w, Const) or op.auto_pad != "NOTSET" or (op.b is not None and bias is None):
        raise Unsupported("a transposed convolution with computed weights or bias")
    x, y = (v.type.static or () for v in (op.x, op))
    i, o, *kernel = op.w.data.shape
    given = zip(kernel, op.strides, op.dilations, op.pads[:rank], x[2:], y[2:], strict=True)
    axes = [
        min((_axis(k, s, d, p, size, wanted, cut) for cut in range(s)), key=_products)
        for k, s, d, p, size, wanted in given
    ]
    phases = prod(op.strides)

    def of_phases(of_channels: Array) -> Array:
        """What each output channel has, for each channel of the convolution."""
        each = (group, phases, o)
        return np.ascontiguousarray(np.broadcast_to(of_channels.reshape(group, 1, o), each)).reshape(-1)

    w = np.zeros((group, *op.strides, o, i // group, *(axis.kernel for axis in axes)), op.w.data.dtype)
    if isinstance(op, QLinearConvTranspose) and isinstance(op.w_zero_point, Const):
        w[...] = op.w_zero_point.data.reshape(-1, *[1] * (rank + 1))
    taps = op.w.data.reshape(group, i // group, o, *kernel)
    for tap in np.ndindex(*kernel):
        at = [axis.taps[t] for axis, t in zip(axes, tap, strict=True)]
        place = (slice(None), *(r for r, _ in at), slice(None), slice(None), *(k for _, k in at))
        w[place] = taps[(slice(None),) * 3 + tap].swapaxes(1, 2)
    weights = Const(w.reshape(-1, *w.shape[rank + 2 :]), op.w.name)
    b = None if bias is None else Const(of_phases(bias), op.b.name if op.b else "")
    geometry: dict[str, Any] = {
        "strides": (1,) * rank,
        "pads": tuple(axis.pads[end] for end in (0, 1) for axis in axes),
        "dilations": tuple(axis.dilation for axis in axes),
        "group": group,
    }
    conv: Op
    if isinstance(op, ConvTranspose):
        conv = Conv(op.x, weights, b, **geometry)
    else:
        scale, zero = (
            Const(of_phases(v.data), v.name) if isinstance(v, Const) and v.data.size > 1 else v
            for v in (op.w_scale, op.w_zero_point)
        )
        of_x, of_y = (op.x, op.x_scale, op.x_zero_point), (op.y_scale, op.y_zero_point)
        conv = QLinearConv(*of_x, weights, scale, zero, *of_y, b, **geometry)
    if phases == 1:
        return (conv.named(op.name, op.loc),)
    return (_in_place(conv.named(f"{op.name}.phases", op.loc), op, axes, o).named(op.name, op.loc),)


def _axis(kernel: int, stride: int, dilation: int, pad: int, size: int, wanted: int, cut: int) -> Axis:
    """One axis, with ``cut`` results before the first; every window meets some of x."""
    steps = [dilation * t + cut - pad for t in range(kernel)]
    count = ceil((wanted + cut) / stride)
    offsets = [-(step // stride) for step in steps]  # of x from i, for the phase step % stride
    seen = {*offsets, 0, size - count}
    first, last = min(seen), max(seen)
    apart = gcd(*(a - first for a in seen)) or 1
    return Axis(
        cut,
        count,
        tuple((step % stride, (a - first) // apart) for step, a in zip(steps, offsets, strict=True)),
        (last - first) // apart + 1,
        apart,
        (-first, count - size + last),
    )


def _products(axis: Axis) -> int:
    return axis.count * axis.kernel


def _in_place(conv: Op, op: ConvTranspose | QLinearConvTranspose, axes: list[Axis], outputs: int) -> Op:
    """The result from its phases: (N, groups, *strides, outputs, *positions) to (N, channels, *axes)."""
    n, channels, *wanted = op.type.static or ()
    rank, counts = len(axes), [axis.count for axis in axes]
    split = reshaped(conv, [n, op.group, *op.strides, outputs, *counts])
    behind = [part for axis in range(rank) for part in (rank + 3 + axis, 2 + axis)]
    whole = [count * stride for count, stride in zip(counts, op.strides, strict=True)]
    y = reshaped(Transpose(split, perm=(0, 1, rank + 2, *behind)), [n, channels, *whole])
    if whole == wanted:
        return y
    starts = [axis.cut for axis in axes]
    ends = [axis.cut + size for axis, size in zip(axes, wanted, strict=True)]
    return Slice(y, *(Const(np.array(v, np.int64)) for v in (starts, ends, range(2, rank + 2))))


def reshaped(x: Value, shape: Sequence[int]) -> Op:
    """A Reshape to sizes that are numbers."""
    return Reshape(x, Const(np.array(shape, np.int64)))
