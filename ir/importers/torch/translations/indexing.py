"""Slices, gathers, scatters and paddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from lissom.ir.errors import Unsupported
from lissom.ir.importers.torch.operands import (
    Scalar,
    Size,
    axes_of,
    axis_of,
    cast,
    dim_of,
    ints,
    like,
    promote,
    reshape,
    scalar,
    size_of,
    sizes,
    static,
)
from lissom.ir.importers.torch.registry import translates
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.expand import Expand
from lissom.ir.ops.gather import Gather
from lissom.ir.ops.gather_elements import GatherElements
from lissom.ir.ops.gather_nd import GatherND
from lissom.ir.ops.pad import Pad
from lissom.ir.ops.scatter_elements import ScatterElements
from lissom.ir.ops.scatter_nd import ScatterND
from lissom.ir.ops.slice import Slice
from lissom.ir.ops.transpose import Transpose
from lissom.ir.ops.trilu import Trilu
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.types import DType
from lissom.ir.values import Const, Value

Mode: TypeAlias = Literal["constant", "reflect", "edge", "wrap"]

_END = 2**63 - 1
"""What PyTorch and ONNX write for "to the end"."""


@translates("slice", "slice_copy")
def slice_axis(x: Value, dim: int = 0, start: Size | None = None, end: Size | None = None, step: int = 1) -> Value:
    start, end = 0 if start is None else start, _END if end is None else end
    axis = axis_of(x, dim)
    if start == 0 and step == 1 and (end == _END or dim_of(end) == x.type.dims[axis]):
        return x
    return Slice(x, sizes([start]), sizes([end]), ints(axis), None if step == 1 else ints(step))


@translates("narrow", "narrow_copy")
def narrow(x: Value, dim: int, start: Size, length: Size) -> Value:
    from lissom.ir.ops.add import Add

    if isinstance(start, int) and isinstance(length, int):
        return slice_axis(x, dim, start, start + length)
    ends = [s if isinstance(s, Value) else scalar(s) for s in (start, length)]
    return slice_axis(x, dim, start, Add(*ends))


@translates("select", "select_copy")
def select(x: Value, dim: int, index: Size) -> Value:
    return Gather(x, index if isinstance(index, Value) else scalar(index), axis=axis_of(x, dim))


@translates("index_select")
def index_select(x: Value, dim: int, index: Value) -> Value:
    return Gather(x, index, axis=axis_of(x, dim))


@translates("embedding")
def embedding(weight: Value, indices: Value, *ignored: object, **about_gradients: object) -> Value:
    return Gather(weight, indices, axis=0)


@translates("gather")
def gather(x: Value, dim: int, index: Value, *, sparse_grad: bool = False) -> Value:
    """PyTorch lets the index be shorter on the other axes; what it cannot reach is cut off first."""
    return GatherElements(_cut(x, index, axis_of(x, dim)), index, axis=axis_of(x, dim))


def _cut(x: Value, index: Value, axis: int) -> Value:
    for a in range(x.type.rank):
        if a != axis and x.type.dims[a] != index.type.dims[a]:
            x = slice_axis(x, a, 0, size_of(index, a))
    return x


@translates("take_along_dim")
def take_along_dim(x: Value, indices: Value, dim: int | None = None) -> Value:
    if dim is None:
        return gather(reshape(x, [-1]), 0, reshape(indices, [-1]))
    return gather(x, dim, indices)


def _positions(indices: Sequence[Value | None]) -> list[int]:
    used = [i for i, index in enumerate(indices) if index is not None]
    for i in used:
        index = indices[i]
        if index is not None and index.type.dtype in (DType.bool, DType.uint8):
            raise Unsupported("indexing with a mask, whose result has a size that depends on data; use torch.where")
    return used


def _tuples(x: Value, axes: Sequence[int], indices: Sequence[Value]) -> Value:
    """Index tensors as one tensor of index tuples, broadcast to one shape; negative indices stay."""
    from lissom.ir.importers.torch.translations.shape import broadcast_tensors

    wide = broadcast_tensors([cast(i, DType.int64) for i in indices])
    rank = wide[0].type.rank
    return Concat(tuple(Unsqueeze(w, ints(rank)) for w in wide), axis=rank)


@translates("index")
def index(x: Value, indices: Sequence[Value | None]) -> Value:
    used = _positions(indices)
    given = [i for i in indices if i is not None]
    if len(used) == 1:
        return Gather(x, given[0], axis=used[0])
    rest = [a for a in range(x.type.rank) if a not in used]
    front = x if used == list(range(len(used))) else Transpose(x, (*used, *rest))
    y = GatherND(front, _tuples(x, used, given))
    adjacent = used == list(range(used[0], used[0] + len(used)))
    if not adjacent or used[0] == 0:
        return y
    # The indexed axes came first; adjacent ones belong where they were.
    made = y.type.rank - len(rest)
    before = [made + rest.index(a) for a in rest if a < used[0]]
    after = [made + rest.index(a) for a in rest if a > used[0]]
    return Transpose(y, (*before, *range(made), *after))


@translates("index_put", "_unsafe_index_put")
def index_put(x: Value, indices: Sequence[Value | None], values: Value, accumulate: bool = False) -> Value:
    used = [i for i, given in enumerate(indices) if given is not None]
    masks = [i for i in indices if i is not None and i.type.dtype is DType.bool]
    if len(masks) == 1 and len(used) == 1 and used == [0] and values.type.rank == 0:
        from lissom.ir.ops.where import Where

        mask = masks[0]
        for _ in range(x.type.rank - mask.type.rank):
            mask = Unsqueeze(mask, ints(mask.type.rank))
        return Where(mask, cast(values, x.type.dtype), x)
    if _positions(indices) != list(range(len(used))):
        raise Unsupported("writing to places given for other than the first axes; move these axes to the front first")
    places = _tuples(x, used, [i for i in indices if i is not None])
    rest = [size_of(x, a) for a in range(len(used), x.type.rank)]
    target = sizes([*(size_of(places, a) for a in range(places.type.rank - 1)), *rest])
    return ScatterND(x, places, Expand(cast(values, x.type.dtype), target), reduction="add" if accumulate else "none")


@translates("scatter", "scatter.src", "scatter.value")
def scatter(x: Value, dim: int, index: Value, src: Scalar, *, reduce: str | None = None) -> Value:
    if isinstance(src, Value) and src.type.rank:
        updates = src
        for a in range(src.type.rank):
            if src.type.dims[a] != index.type.dims[a]:
                updates = slice_axis(updates, a, 0, size_of(index, a))
    else:
        updates = Expand(like(x, src), sizes([size_of(index, a) for a in range(index.type.rank)]))
    kind: Literal["none", "add", "mul"] = "none" if reduce is None else "add" if reduce == "add" else "mul"
    return ScatterElements(x, index, updates, axis=axis_of(x, dim), reduction=kind)


@translates("scatter_add")
def scatter_add(x: Value, dim: int, index: Value, src: Value) -> Value:
    return scatter(x, dim, index, src, reduce="add")


@translates("select_scatter")
def select_scatter(x: Value, src: Value, dim: int, index: int) -> Value:
    axis = axis_of(x, dim)
    start = index % (static(x, axis) or 1) if index < 0 else index
    return slice_scatter(x, Unsqueeze(src, ints(axis)), axis, start, start + 1)


@translates("slice_scatter")
def slice_scatter(
    x: Value, src: Value, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Value:
    """What ``x[:, a:b] = src`` leaves in x: the parts before and behind, and ``src`` between them."""
    axis = axis_of(x, dim)
    size = static(x, axis)
    begin = start or 0
    if begin == 0 and step == 1 and (end is None or end in (_END, size)):
        return cast(src, x.type.dtype)
    if size is None or isinstance(begin, Value) or isinstance(end, Value):
        raise Unsupported(f"writing to a part of an axis of symbolic size ({x.type})")
    places = range(size)[slice(start, end, step)]
    if step != 1:
        order = np.arange(size)
        order[list(places)] = size + np.arange(len(places))
        return Gather(Concat((x, cast(src, x.type.dtype)), axis=axis), ints(*order.tolist()), axis=axis)
    before = slice_axis(x, axis, 0, places.start) if places.start else None
    behind = slice_axis(x, axis, places.stop, _END) if places.stop < size else None
    pieces = tuple(p for p in (before, cast(src, x.type.dtype), behind) if p is not None)
    return Concat(pieces, axis=axis) if len(pieces) > 1 else pieces[0]


@translates("copy", "copy_")
def copy(x: Value, src: Value, non_blocking: bool = False) -> Value:
    wide = cast(src, x.type.dtype)
    return wide if wide.type == x.type else Expand(wide, sizes([size_of(x, a) for a in range(x.type.rank)]))


@translates("roll")
def roll(x: Value, shifts: Sequence[int] | int, dims: Sequence[int] | int = ()) -> Value:
    amounts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    if not isinstance(dims, int) and not dims:
        parts = [size_of(x, a) for a in range(x.type.rank)]
        return reshape(roll(reshape(x, [-1]), amounts, 0), parts)
    for amount, axis in zip(amounts, axes_of(x, dims), strict=True):
        size = static(x, axis)
        cut = -amount if size is None else -amount % max(size, 1)
        if cut:
            x = Concat((slice_axis(x, axis, cut, _END), slice_axis(x, axis, 0, cut)), axis=axis)
    return x


@translates("flip")
def flip(x: Value, dims: Sequence[int]) -> Value:
    axes = axes_of(x, dims)
    return Slice(x, ints(*[-1] * len(axes)), ints(*[-_END - 1] * len(axes)), ints(*axes), ints(*[-1] * len(axes)))


def _pad(x: Value, pad: Sequence[Size], mode: Mode, value: Scalar | None = None) -> Value:
    """PyTorch lists (begin, end) from the last axis on; ONNX all begins, then all ends."""
    count = len(pad) // 2
    untouched: list[Size] = [0] * (x.type.rank - count)
    begins = untouched + [pad[2 * i] for i in reversed(range(count))]
    ends = untouched + [pad[2 * i + 1] for i in reversed(range(count))]
    if all(p == 0 for p in pad):
        return x
    fill = None if value is None or (not isinstance(value, Value) and value == 0) else like(x, value)
    return Pad(x, sizes([*begins, *ends]), fill, None, mode)


_MODES: dict[str, Mode] = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@translates("pad")
def pad(x: Value, pad: Sequence[Size], mode: str = "constant", value: float | None = None) -> Value:
    return _pad(x, pad, _MODES[mode], value)


@translates("constant_pad_nd")
def constant_pad(x: Value, pad: Sequence[Size], value: Scalar = 0) -> Value:
    return _pad(x, pad, "constant", value)


@translates("reflection_pad1d", "reflection_pad2d", "reflection_pad3d")
def reflection_pad(x: Value, pad: Sequence[Size]) -> Value:
    return _pad(x, pad, "reflect")


@translates("replication_pad1d", "replication_pad2d", "replication_pad3d")
def replication_pad(x: Value, pad: Sequence[Size]) -> Value:
    return _pad(x, pad, "edge")


@translates("_pad_circular")
def circular_pad(x: Value, pad: Sequence[Size]) -> Value:
    return _pad(x, pad, "wrap")


@translates("tril")
def tril(x: Value, diagonal: int = 0) -> Value:
    return _triangle(x, diagonal, upper=False)


@translates("triu")
def triu(x: Value, diagonal: int = 0) -> Value:
    return _triangle(x, diagonal, upper=True)


def _triangle(x: Value, diagonal: int, upper: bool) -> Value:
    return Trilu(x, None if diagonal == 0 else scalar(diagonal), upper=upper)


@translates("one_hot")
def one_hot(x: Value, num_classes: int = -1) -> Value:
    from lissom.ir.op import op_class

    if num_classes < 0:
        raise Unsupported("one_hot without num_classes, whose result has a size that depends on data")
    classes = Const(np.arange(num_classes, dtype=np.int64))
    return cast(op_class("Equal")(Unsqueeze(x, ints(x.type.rank)), classes), DType.int64)


@translates("diff")
def diff(x: Value, n: int = 1, dim: int = -1, prepend: Value | None = None, append: Value | None = None) -> Value:
    from lissom.ir.ops.concat import Concat
    from lissom.ir.ops.sub import Sub

    parts = [v for v in (prepend, x, append) if v is not None]
    if len(parts) > 1:
        x = Concat(tuple(parts), dim % x.type.rank)
    for _ in range(n):
        x = Sub(*promote(slice_axis(x, dim, 1), slice_axis(x, dim, 0, -1)))
    return x
