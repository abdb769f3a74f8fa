"""Strides, and merging axes so that kernels see as few as they can."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from lissom.ir.errors import Unsupported
from lissom.ir.types import DType
from lissom.ir.values import Value

Order = tuple[int, ...]
"""The axes of a tensor as they lie in memory, outermost first: (0, 2, 3, 1) is channels last."""

MAX_RANK = 8
"""``LISSOM_MAX_RANK`` of the kernels."""

ELEMENTS = {
    DType.float32: "f32",
    DType.float64: "f64",
    DType.int8: "i8",
    DType.uint8: "u8",
    DType.int16: "i16",
    DType.uint16: "u16",
    DType.int32: "i32",
    DType.uint32: "u32",
    DType.int64: "i64",
    DType.uint64: "u64",
    DType.bool: "bool",
}
"""Element types C code can hold, by the name kernels use."""


def shape_of(value: Value) -> tuple[int, ...]:
    """The shape of a value of a lowered graph."""
    static = value.type.static
    if static is None:
        raise Unsupported(f"the size of {value!r} is not a number")
    return static


def element_of(value: Value) -> str:
    """How kernels call the value's element type; raises Unsupported for what C code does not hold."""
    found = ELEMENTS.get(value.type.dtype)
    if found is None:
        raise Unsupported(f"elements of type {value.type.dtype} are not supported in C")
    return found


def item_bytes(value: Value) -> int:
    """Bytes of one element."""
    element_of(value)
    return value.type.dtype.numpy.itemsize


def contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides, in elements, of a row-major tensor."""
    return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))


def stored_strides(shape: Sequence[int], order: Order) -> tuple[int, ...]:
    """For each axis its stride, in elements, in a tensor whose axes lie in ``order``."""
    of = dict(zip(order, contiguous([shape[axis] for axis in order]), strict=True))
    return tuple(of[axis] for axis in range(len(shape)))


def same_order(shape: Sequence[int], a: Order, b: Order) -> bool:
    """Whether two orders are the same memory: axes of size 1 may be anywhere."""
    return [axis for axis in a if shape[axis] > 1] == [axis for axis in b if shape[axis] > 1]


def channels_last(rank: int) -> Order:
    """(batch, spatial, channels) for the shape (batch, channels, spatial)."""
    return (0, *range(2, rank), 1)


def layout_order(layout: str, rank: int) -> Order:
    """The order of an image's axes that a kernel's layout stands for."""
    return channels_last(rank) if layout == "NHWC" else tuple(range(rank))


def regrouped(shape: Sequence[int], order: Order, to: Sequence[int]) -> Order | None:
    """The order of the axes of the shape ``to`` in the memory of a tensor of ``shape`` that is reshaped to it; None
    where what becomes one axis, or is split from one, does not lie together."""
    if 0 in shape:
        return tuple(range(len(to)))
    at = {axis: place for place, axis in enumerate(axis for axis in order if shape[axis] > 1)}
    groups: list[tuple[int, list[int]]] = []  # where axes that belong together lie, and the new axes they become
    for left, right in _groups(shape, to):
        if [at[axis] for axis in left] != list(range(at[left[0]], at[left[0]] + len(left))):
            return None
        groups.append((at[left[0]], right))
    return (*(axis for axis in range(len(to)) if to[axis] == 1), *(axis for _, axes in sorted(groups) for axis in axes))


def gathered(shape: Sequence[int], order: Order, to: Sequence[int]) -> Order:
    """The order nearest to ``order`` in which a tensor of ``shape`` is one of the shape ``to``: channels that a shuffle
    mixed stay channels, last if they were."""
    groups = sorted([order.index(axis) for axis in left] for left, _ in _groups(shape, to))
    ones = [axis for axis in range(len(shape)) if shape[axis] == 1]
    return (*ones, *(axis for places in groups for axis in sorted(order[place] for place in places)))


def _groups(shape: Sequence[int], to: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """The axes of a reshaped tensor that become others together, without those of size 1."""
    old = [axis for axis in range(len(shape)) if shape[axis] > 1]
    new = [axis for axis in range(len(to)) if to[axis] > 1]
    found: list[tuple[list[int], list[int]]] = []
    while old:
        left, right = [old.pop(0)], [new.pop(0)]
        while (a := prod(shape[axis] for axis in left)) != (b := prod(to[axis] for axis in right)):
            (left if a < b else right).append((old if a < b else new).pop(0))
        found.append((left, right))
    return found


def broadcast(shape: Sequence[int], to: Sequence[int], strides: Sequence[int] | None = None) -> tuple[int, ...]:
    """Strides with which a tensor of ``shape``, row-major or with ``strides``, is read as one of shape ``to``: 0 where
    it repeats."""
    missing = len(to) - len(shape)
    steps = contiguous(shape) if strides is None else strides
    return tuple(0 if i < missing or shape[i - missing] == 1 else steps[i - missing] for i in range(len(to)))


def merged(size: Sequence[int], *strides: Sequence[int]) -> list[tuple[int, ...]]:
    """``[size, *strides]`` over as few axes as possible, at least one: axes of size 1 go, and neighbours join wherever
    all tensors walk through both as through one. Raises Unsupported when more than MAX_RANK stay."""
    kept: list[list[int]] = []  # one [size, stride of each tensor] an axis
    for axis in zip(size, *strides, strict=True):
        if axis[0] == 1:
            continue
        if kept and all(outer == axis[0] * inner for outer, inner in zip(kept[-1][1:], axis[1:], strict=True)):
            kept[-1] = [kept[-1][0] * axis[0], *axis[1:]]
        else:
            kept.append(list(axis))
    if not kept:
        kept = [[1, *[1] * len(strides)]]
    if len(kept) > MAX_RANK:
        raise Unsupported(f"it walks through {len(kept)} axes; kernels take up to {MAX_RANK}")
    return [tuple(column) for column in zip(*kept, strict=True)]


def around(shape: Sequence[int], axis: int) -> tuple[int, int, int]:
    """``(outer, n, inner)``: elements before, along and behind an axis."""
    axis %= len(shape)
    return prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])
