"""Interpolation, and tables that differ by channel, on 8-bit tensors."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from lissom.backends.c.bindings.integer import parameter, q8_input, q8_output, scalar
from lissom.backends.c.bindings.products import three
from lissom.backends.c.builder import Builder, binds
from lissom.backends.c.geometry import Order, around, shape_of
from lissom.ir.errors import Unsupported
from lissom.ir.ops.lookup_channels import LookupChannels
from lissom.ir.ops.qlinear_resize import BITS, QLinearResize
from lissom.ir.values import Const


@binds(QLinearResize)
def resize(op: QLinearResize, b: Builder) -> None:
    """One pass over up to three axes that lie side by side, in memory or else in the graph; indices and weights are
    constants."""
    given = [None if v is None or v.type.size() == 0 else v for v in (op.scales, op.sizes)]
    if any(v is not None and not isinstance(v, Const) for v in given):
        raise Unsupported("sizes or scales that are not constant are not supported in C")
    scales, sizes = (v.data.reshape(-1).astype(np.float64) if isinstance(v, Const) else None for v in given)
    shape = shape_of(op.x)
    plan = {a.axis: (index, weight) for a, index, weight in op.weights(shape, scales, sizes)}
    orders = [o for o in (b.order(op.x), tuple(range(len(shape)))) if _reach(o, plan) <= 3]
    if not orders:
        raise Unsupported("interpolation along axes that are not within three that lie side by side")
    order = orders[0]
    shape = tuple(shape[axis] for axis in order)
    places = [order.index(axis) for axis in plan]
    first, last = min(places, default=0), max(places, default=0)
    outer, _, _ = around(shape, first)
    _, _, inner = around(shape, last)
    whole = [(np.arange(n)[:, None], np.ones((n, 1), np.int64)) for n in shape]
    tables = [plan.get(order[place], whole[place]) for place in range(first, last + 1)]
    params = {
        "outer": outer,
        "inner": inner,
        "in": three(shape[first : last + 1], 1),
        "out": three([len(index) for index, _ in tables], 1),
        "taps": three([index.shape[1] for index, _ in tables], 1),
        "x": q8_input(op.x, op.x_zero_point),
        "y": q8_output(op, op.y_zero_point),
        "multiplier": _multiplier(op, len(plan)),
    }
    missing = 3 - len(tables)
    index, weight = (
        np.concatenate([*[np.full(missing, fill)], *(t[i].reshape(-1) for t in tables)]).astype(np.int32)
        for i, fill in ((0, 0), (1, 1))
    )
    reads = [b.read(op.x, order), b.constant(index, f"{op.name}.taps"), b.constant(weight, f"{op.name}.weights")]
    b.call("resize_q8", params, reads, [b.write(op, order)])


def _reach(order: Order, axes: Collection[int]) -> int:
    """How many axes there are from the first to the last of ``axes``, as they lie in memory."""
    places = [order.index(axis) for axis in axes]
    return max(places, default=0) - min(places, default=0) + 1


def _multiplier(op: QLinearResize, axes: int) -> np.float32:
    one = np.float32(1 << BITS.get(axes, 0) * axes)
    multiplier: np.float32 = np.float32(scalar(op.x_scale, "a scale")) / (
        np.float32(scalar(op.y_scale, "a scale")) * one
    )
    return multiplier


@binds(LookupChannels)
def lookup_channels(op: LookupChannels, b: Builder) -> None:
    order = b.order(op.x)
    outer, channels, inner = around([shape_of(op)[axis] for axis in order], order.index(op.axis))
    table = parameter(op.table, "a table")
    params = {"outer": outer, "channels": channels, "inner": inner, "element": table.dtype.itemsize}
    b.call("lookup_channels", params, [b.stored(op.x), b.constant(table, f"{op.name}.table")], [b.write(op, order)])
