"""Ops that move elements, whatever their type."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import torch

from lissom.backends.c.bindings.along_axes import integers
from lissom.backends.c.builder import Builder, binds
from lissom.backends.c.geometry import (
    Order,
    around,
    broadcast,
    contiguous,
    gathered,
    item_bytes,
    regrouped,
    shape_of,
    stored_strides,
)
from lissom.backends.c.program import Place
from lissom.ir.errors import Unsupported
from lissom.ir.families.resampling import coordinates, nearest, taps
from lissom.ir.op import Op
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.depth_to_space import DepthToSpace
from lissom.ir.ops.dropout import Dropout
from lissom.ir.ops.expand import Expand
from lissom.ir.ops.flatten import Flatten
from lissom.ir.ops.gather import Gather
from lissom.ir.ops.gather_elements import GatherElements
from lissom.ir.ops.identity import Identity
from lissom.ir.ops.pad import Pad
from lissom.ir.ops.reshape import Reshape
from lissom.ir.ops.resize import Resize
from lissom.ir.ops.slice import Slice
from lissom.ir.ops.space_to_depth import SpaceToDepth
from lissom.ir.ops.split import Split
from lissom.ir.ops.squeeze import Squeeze
from lissom.ir.ops.tile import Tile
from lissom.ir.ops.transpose import Transpose
from lissom.ir.ops.trilu import Trilu
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.spans import positions
from lissom.ir.types import Array
from lissom.ir.values import Const, Value


@binds(Reshape, Flatten, Squeeze, Unsqueeze, Identity, Dropout)
def same_bytes(op: Op, b: Builder) -> None:
    """The operand under another shape."""
    if isinstance(op, Dropout):
        b.only_first_result(op, "masks of a Dropout")
        if op.training_mode is not None and not (
            isinstance(op.training_mode, Const) and not op.training_mode.data.any()
        ):
            raise Unsupported("a Dropout in training mode is not supported in C")
    x = op.operands[0]
    shape, to, lying = shape_of(x), shape_of(op), b.order(x)
    order = regrouped(shape, lying, to)
    if order is None:
        lying = gathered(shape, lying, to)
        order = regrouped(shape, lying, to)
    b.view(op, x, order=order, lying=lying)


@binds(Transpose)
def transpose(op: Transpose, b: Builder) -> None:
    """The same bytes: the axes change their names, not their places. Who needs them elsewhere reads them so."""
    perm = op.perm or tuple(reversed(range(op.x.type.rank)))
    b.view(op, op.x, order=tuple(perm.index(axis) for axis in b.order(op.x)))


def moved(
    result: Value, b: Builder, x: Value, shape: Sequence[int], strides: Sequence[int], offset: int, order: Order
) -> None:
    """``result``, stored in ``order``, gathers ``x``, as it is stored, with ``strides`` over ``shape``; a view where
    nothing moves. ``shape`` may split axes of the result, ``order`` then has all their parts."""
    size, x_stride = [shape[axis] for axis in order], [strides[axis] for axis in order]
    y_stride = contiguous(size)
    if all(n == 1 or a == c for n, a, c in zip(size, x_stride, y_stride, strict=True)):
        b.view(result, x, offset * item_bytes(x), order=_whole(result, shape, order))
        return
    place = b.write(result, _whole(result, shape, order))
    b.copy(item_bytes(x), size, (b.stored(x), x_stride, offset), (place, y_stride, 0))


def _whole(result: Value, shape: Sequence[int], order: Order) -> Order:
    """The order of a result's own axes where ``shape`` splits them."""
    found = regrouped(shape, order, shape_of(result))
    assert found is not None
    return found


@binds(Slice)
def slice_(op: Slice, b: Builder) -> None:
    shape = shape_of(op.x)
    strides, offset = list(b.strides(op.x)), 0
    starts, ends = integers(op.starts, "starts"), integers(op.ends, "ends")
    axes = integers(op.axes, "axes") or list(range(len(starts)))
    steps = integers(op.steps, "steps") or [1] * len(starts)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        taken = positions(start, end, step, shape[axis])
        offset += (taken.start if len(taken) else 0) * strides[axis]
        strides[axis] *= step
    moved(op, b, op.x, shape_of(op), strides, offset, b.order(op.x))


@binds(Split)
def split(op: Split, b: Builder) -> None:
    strides, offset = b.strides(op.x), 0
    for r in op.results:
        moved(r, b, op.x, shape_of(r), strides, offset, b.order(op.x))
        offset += shape_of(r)[op.axis] * strides[op.axis]


@binds(Concat)
def concat(op: Concat, b: Builder) -> None:
    shape, order = shape_of(op), b.order(max(op.xs, key=lambda x: x.type.size()))
    y, steps, offset = b.write(op, order), stored_strides(shape, order), 0
    for x in op.xs:
        part, strides = shape_of(x), b.strides(x)
        x_stride, y_stride = ([s[axis] for axis in order] for s in (strides, steps))
        b.copy(item_bytes(x), [part[axis] for axis in order], (b.stored(x), x_stride, 0), (y, y_stride, offset))
        offset += part[op.axis] * steps[op.axis]


@binds(Expand)
def expand(op: Expand, b: Builder) -> None:
    strides = broadcast(shape_of(op.x), shape_of(op), b.strides(op.x))
    added = op.type.rank - op.x.type.rank
    order = (*range(added), *(axis + added for axis in b.order(op.x)))
    moved(op, b, op.x, shape_of(op), strides, 0, order)


@binds(Tile)
def tile(op: Tile, b: Builder) -> None:
    """Each axis becomes two: the repeats, which stand still in x, and the axis itself."""
    shape, repeats = shape_of(op.x), integers(op.repeats, "repeats")
    size = tuple(n for pair in zip(repeats, shape, strict=True) for n in pair)
    order = tuple(part for axis in b.order(op.x) for part in (2 * axis, 2 * axis + 1))
    moved(op, b, op.x, size, [s for step in b.strides(op.x) for s in (0, step)], 0, order)


@binds(DepthToSpace, SpaceToDepth)
def blocks(op: DepthToSpace | SpaceToDepth, b: Builder) -> None:
    """A transpose of six axes: depth is split in block row, block column and channel."""
    n, c, h, w = shape_of(op.input)
    k = op.blocksize
    of_n, of_c, of_h, of_w = b.strides(op.input)
    size: tuple[int, ...]
    steps: tuple[int, ...]
    axes: tuple[tuple[int, ...], ...]
    if isinstance(op, SpaceToDepth):
        size = (n, c, h // k, k, w // k, k)
        steps = (of_n, of_c, k * of_h, of_h, k * of_w, of_w)
        perm = (0, 3, 5, 1, 2, 4) if op.mode == "DCR" else (0, 1, 3, 5, 2, 4)
        axes = ((0,), (1, 2, 3), (4,), (5,))
    else:
        depth = c // (k * k)
        first = op.mode == "DCR"
        size = (n, k, k, depth, h, w) if first else (n, depth, k, k, h, w)
        parts = (k * depth, depth, 1) if first else (k * k, k, 1)
        steps = (of_n, *(of_c * part for part in parts), of_h, of_w)
        perm = (0, 3, 4, 1, 5, 2) if first else (0, 1, 4, 2, 5, 3)
        axes = ((0,), (1,), (2, 3), (4, 5))
    order = tuple(part for axis in b.order(op.input) for part in axes[axis])
    moved(op, b, op.input, [size[i] for i in perm], [steps[i] for i in perm], 0, order)


@binds(Pad)
def pad(op: Pad, b: Builder) -> None:
    shape, out = shape_of(op.x), shape_of(op)
    pads = integers(op.pads, "pads")
    axes = integers(op.axes, "axes") or list(range(len(shape)))
    begins = [0] * len(shape)
    for axis, begin in zip(axes, pads[: len(axes)], strict=True):
        begins[axis] = begin
    if op.mode != "constant":
        sources = [np.arange(n) for n in shape]
        for axis, begin, end in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
            sources[axis] = _padded(op, shape[axis], begin, end)
        remap(op, b, op.x, sources)
        return
    order, fill = b.order(op.x), op.constant_value
    y = b.write(op, order)
    zero = b.constant(np.zeros((), op.x.type.dtype.numpy), "zero") if fill is None else b.read(fill)
    b.call("fill", {"element": item_bytes(op), "count": op.type.size()}, [zero], [y])
    inside = [slice(max(0, -p), min(n, m - p)) for p, n, m in zip(begins, shape, out, strict=True)]
    size = [max(0, s.stop - s.start) for s in inside]
    x_step, y_step = b.strides(op.x), stored_strides(out, order)
    x_at = sum(s.start * step for s, step in zip(inside, x_step, strict=True))
    y_at = sum((s.start + p) * step for s, p, step in zip(inside, begins, y_step, strict=True))
    x_stride, y_stride = ([step[axis] for axis in order] for step in (x_step, y_step))
    b.copy(item_bytes(op), [size[axis] for axis in order], (b.stored(op.x), x_stride, x_at), (y, y_stride, y_at))


def _padded(op: Pad, size: int, begin: int, end: int) -> Array:
    """The positions the elements of a padded axis come from, by the op's own meaning."""
    line, pads = np.arange(size), np.array([begin, end])
    one_axis = Pad(Const(line), Const(pads), mode=op.mode)
    return np.asarray(one_axis.run(torch.from_numpy(line), torch.from_numpy(pads)).numpy())


def remap(op: Op, b: Builder, x: Value, sources: list[Array]) -> None:
    """y[i, j, ...] = x[sources[0][i], sources[1][j], ...]."""
    order, steps = b.order(x), b.strides(x)
    if len(sources) > 8:
        raise Unsupported(f"{len(sources)} axes; kernels take up to 8")
    moved = list(order)  # the last axes that stay as they are make one element of several
    while len(moved) > 1 and np.array_equal(sources[moved[-1]], np.arange(shape_of(x)[moved[-1]])):
        moved.pop()
    together = prod(shape_of(x)[axis] for axis in order[len(moved) :])
    tables = np.concatenate([np.asarray(sources[axis], np.int32) for axis in moved])
    params = {
        "element": item_bytes(x) * together,
        "rank": len(moved),
        "size": tuple(len(sources[axis]) for axis in moved),
        "x_stride": tuple(steps[axis] // together for axis in moved),
    }
    fill = b.constant(np.zeros(together, x.type.dtype.numpy), "zero")
    b.call("remap", params, [b.stored(x), b.constant(tables, f"{op.name}.positions"), fill], [b.write(op, order)])


@binds(Resize)
def resize(op: Resize, b: Builder) -> None:
    """Nearest by index tables, linear and cubic by one pass of weighted taps an axis; all tables are constants."""
    if op.coordinate_transformation_mode == "tf_crop_and_resize":
        raise Unsupported("coordinate_transformation_mode tf_crop_and_resize is not supported in C")
    given = [None if v is None or v.type.size() == 0 else v for v in (op.scales, op.sizes)]
    if any(v is not None and not isinstance(v, Const) for v in given):
        raise Unsupported("sizes or scales that are not constant are not supported in C")
    scales, sizes = (v.data.reshape(-1).astype(np.float64) if isinstance(v, Const) else None for v in given)
    shape = shape_of(op.x)
    plan = [a for a in op._plan(shape, None, scales, sizes) if not a.trivial]
    if op.mode == "nearest":
        sources = [np.arange(n) for n in shape]
        for a in plan:
            where = coordinates(op.coordinate_transformation_mode, a, np.float32)
            sources[a.axis] = nearest(where, op.nearest_mode, a.size)
        remap(op, b, op.x, sources)
        return
    if op.type.dtype.value != "float32":
        raise Unsupported(f"{op.mode} resizing of {op.type.dtype} is not supported in C")
    if not plan:
        b.view(op, op.x, order=b.order(op.x))
        return
    order = b.order(op.x)
    source, now = b.stored(op.x), [shape[axis] for axis in order]
    y = b.write(op, order)
    for a in plan:
        where = coordinates(op.coordinate_transformation_mode, a, np.float64)
        index, weight = taps(where, a, op.mode, op.cubic_coeff_a, op.antialias, op.exclude_outside)
        index, weight = np.asarray(index, np.int32), np.asarray(weight, np.float32)
        outer, n, inner = around(now, order.index(a.axis))
        now[order.index(a.axis)] = a.resized
        last = a is plan[-1]
        target = y if last else Place(b.memory(prod(now) * 4))
        params = {"outer": outer, "in": n, "out": a.resized, "inner": inner, "taps": index.shape[1]}
        tables = (b.constant(index, f"{op.name}.taps"), b.constant(weight, f"{op.name}.weights"))
        b.call("resample_f32", params, [source, *tables], [target])
        source = target


@binds(Gather)
def gather(op: Gather, b: Builder) -> None:
    outer, n, inner = around(shape_of(op.x), op.axis)
    params = {"element": item_bytes(op), "outer": outer, "n": n, "indices": op.indices.type.size(), "inner": inner}
    b.call(f"gather_{_index(op.indices)}", params, [b.read(op.x), b.read(op.indices)], [b.write(op)])


def _index(value: Value) -> str:
    return {"int32": "i32", "int64": "i64"}[value.type.dtype.value]


@binds(GatherElements)
def gather_elements(op: GatherElements, b: Builder) -> None:
    shape, size = shape_of(op.x), shape_of(op)
    axis = op.axis % len(shape)
    steps = list(contiguous(shape))
    stride, steps[axis] = steps[axis], 0
    if len(size) > 8:
        raise Unsupported(f"{len(size)} axes; kernels take up to 8")
    params = {
        "element": item_bytes(op),
        "rank": len(size),
        "size": size,
        "x_stride": tuple(steps),
        "n": shape[axis],
        "stride": stride,
    }
    b.call(f"gather_elements_{_index(op.indices)}", params, [b.read(op.x), b.read(op.indices)], [b.write(op)])


@binds(Trilu)
def trilu(op: Trilu, b: Builder) -> None:
    *outer, rows, columns = shape_of(op)
    params = {
        "element": item_bytes(op),
        "matrices": prod(outer),
        "rows": rows,
        "columns": columns,
        "diagonal": (integers(op.k, "diagonals") or [0])[0],
        "upper": int(op.upper),
    }
    b.call("trilu", params, [b.read(op.x)], [b.write(op)])
