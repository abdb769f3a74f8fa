"""Views, moves of axes, joining and taking apart."""

from __future__ import annotations

from collections.abc import Sequence

from lissom.ir import dims
from lissom.ir.importers.torch.operands import (
    Size,
    axes_of,
    axis_of,
    cast,
    dim_of,
    ints,
    promote,
    reshape,
    result_type,
    scalar,
    shape_of,
    size_of,
    sizes,
    static,
)
from lissom.ir.importers.torch.registry import translates
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.expand import Expand
from lissom.ir.ops.flatten import Flatten
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.reshape import Reshape
from lissom.ir.ops.split import Split
from lissom.ir.ops.squeeze import Squeeze
from lissom.ir.ops.tile import Tile
from lissom.ir.ops.transpose import Transpose
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.values import Value


@translates("view", "reshape", "_unsafe_view", "_reshape_alias")
def view(x: Value, size: Sequence[Size], *strides: object) -> Value:
    return reshape(x, size)


@translates("view.dtype")
def view_as_dtype(x: Value, dtype: object) -> Value:
    from lissom.ir.errors import Unsupported

    raise Unsupported(f"a view of the bits of {x.type} as {dtype}")


@translates("view_as", "reshape_as")
def view_as(x: Value, other: Value) -> Value:
    return reshape(x, [size_of(other, i) for i in range(other.type.rank)])


@translates("flatten")
def flatten(x: Value, start_dim: int = 0, end_dim: int = -1) -> Value:
    if x.type.rank == 0:
        return reshape(x, [1])
    start, end = axis_of(x, start_dim), axis_of(x, end_dim)
    if start == end:
        return x
    if start == 1 and end == x.type.rank - 1:
        return Flatten(x, axis=1)
    merged = dims.product(x.type.dims[start : end + 1])
    parts: list[Size] = [size_of(x, i) for i in range(start)]
    parts.append(merged if isinstance(merged, int) else -1)
    parts += [size_of(x, i) for i in range(end + 1, x.type.rank)]
    return reshape(x, parts)


@translates("unflatten")
def unflatten(x: Value, dim: int, size: Sequence[Size]) -> Value:
    axis = axis_of(x, dim)
    known = static(x, axis)
    if known is not None and -1 in size:
        others = dims.product(tuple(s for s in size if isinstance(s, int) and s != -1))
        size = [known // others if s == -1 and isinstance(others, int) else s for s in size]
    before = [size_of(x, i) for i in range(axis)]
    return reshape(x, [*before, *size, *(size_of(x, i) for i in range(axis + 1, x.type.rank))])


@translates("permute")
def permute(x: Value, order: Sequence[int]) -> Value:
    perm = axes_of(x, order)
    return x if perm == tuple(range(x.type.rank)) else Transpose(x, perm)


@translates("transpose", "swapaxes", "swapdims")
def transpose(x: Value, a: int, b: int) -> Value:
    perm = list(range(x.type.rank))
    if perm:
        perm[axis_of(x, a)], perm[axis_of(x, b)] = perm[axis_of(x, b)], perm[axis_of(x, a)]
    return permute(x, perm)


@translates("t", "numpy_T", "matrix_H", "mT", "adjoint")
def turn(x: Value) -> Value:
    return x if x.type.rank < 2 else transpose(x, -1, -2)


@translates("movedim", "moveaxis")
def movedim(x: Value, source: Sequence[int] | int, destination: Sequence[int] | int) -> Value:
    sources, destinations = axes_of(x, source), axes_of(x, destination)
    rest = iter(i for i in range(x.type.rank) if i not in sources)
    places = dict(zip(destinations, sources, strict=True))
    return permute(x, [places[i] if i in places else next(rest) for i in range(x.type.rank)])


@translates("squeeze")
def squeeze(x: Value, dim: Sequence[int] | int | None = None) -> Value:
    axes = [a for a in axes_of(x, dim) if x.type.rank and x.type.dims[a] == 1]
    return Squeeze(x, ints(*axes)) if axes else x


@translates("unsqueeze")
def unsqueeze(x: Value, dim: int) -> Value:
    return Unsqueeze(x, ints(axis_of(x, dim, extra=1)))


@translates("expand")
def expand(x: Value, size: Sequence[Size], *, implicit: bool = False) -> Value:
    """-1 keeps a size, which in ONNX's Expand 1 does."""
    lead = len(size) - x.type.rank
    parts = [1 if s == -1 or (i >= lead and x.type.dims[i - lead] == dim_of(s)) else s for i, s in enumerate(size)]
    return x if lead == 0 and all(p == 1 for p in parts) else Expand(x, sizes(parts))


@translates("expand_as", "broadcast_to_as")
def expand_as(x: Value, other: Value) -> Value:
    return x if x.type == other.type else Expand(x, shape_of(other))


@translates("broadcast_tensors")
def broadcast_tensors(tensors: Sequence[Value]) -> tuple[Value, ...]:
    from lissom.ir.ops.shape import Shape

    widest = tensors[0]
    for t in tensors[1:]:
        widest = Expand(widest, shape_of(t))
    return tuple(expand_as(t, widest) if widest.type.static else Expand(t, Shape(widest)) for t in tensors)


@translates("repeat", "tile")
def repeat(x: Value, repeats: Sequence[Size]) -> Value:
    for _ in range(len(repeats) - x.type.rank):
        x = Unsqueeze(x, ints(0))
    repeats = [1] * (x.type.rank - len(repeats)) + list(repeats)
    return x if all(r == 1 for r in repeats) else Tile(x, sizes(repeats))


@translates("repeat_interleave.self_int")
def repeat_interleave(x: Value, repeats: Size, dim: int | None = None, *, output_size: object = None) -> Value:
    """Each slice along the axis several times in a row."""
    if dim is None:
        x, dim = reshape(x, [-1]), 0
    axis = axis_of(x, dim)
    parts = [size_of(x, i) for i in range(x.type.rank)]
    wide = Expand(Unsqueeze(x, ints(axis + 1)), sizes([*[1] * (axis + 1), repeats, *[1] * (x.type.rank - axis - 1)]))
    size = parts[axis]
    if isinstance(size, int) and isinstance(repeats, int):
        parts[axis] = size * repeats
    else:
        parts[axis] = Mul(*(p if isinstance(p, Value) else scalar(p) for p in (size, repeats)))
    return reshape(wide, parts)


@translates("cat", "concat", "concatenate")
def cat(tensors: Sequence[Value], dim: int = 0) -> Value:
    # PyTorch lets an empty 1-D tensor stand in for nothing at all.
    given = [t for t in tensors if t.type.dims != (0,)] or list(tensors)
    if len(given) == 1:
        return given[0]
    dtype = result_type(*given)
    return Concat(tuple(cast(t, dtype) for t in given), axis=axis_of(given[0], dim))


@translates("stack")
def stack(tensors: Sequence[Value], dim: int = 0) -> Value:
    axis = axis_of(tensors[0], dim, extra=1)
    return cat([Unsqueeze(t, ints(axis)) for t in promote(*tensors)], axis)


def _split(x: Value, axis: int, parts: Sequence[Size]) -> tuple[Value, ...]:
    return (x,) if len(parts) == 1 else Split(x, sizes(parts), axis).results


@translates("split", "unsafe_split")
def split(x: Value, size: Sequence[Size] | int, dim: int = 0) -> tuple[Value, ...]:
    axis = axis_of(x, dim)
    if not isinstance(size, int):
        return _split(x, axis, size)
    return _split(x, axis, _equal_parts(x, axis, size))


@translates("split_with_sizes", "unsafe_split_with_sizes")
def split_with_sizes(x: Value, parts: Sequence[Size], dim: int = 0) -> tuple[Value, ...]:
    return _split(x, axis_of(x, dim), parts)


def _equal_parts(x: Value, axis: int, size: int) -> list[int]:
    total = static(x, axis)
    if total is None:
        from lissom.ir.errors import Unsupported

        raise Unsupported(
            f"a split of symbolic size {x.type.dims[axis]}: how many parts there are depends on the input"
        )
    count = max(-(-total // size) if size else 1, 1)
    return [size] * (count - 1) + [total - size * (count - 1)]


@translates("chunk", "unsafe_chunk")
def chunk(x: Value, chunks: int, dim: int = 0) -> tuple[Value, ...]:
    axis = axis_of(x, dim)
    total = static(x, axis)
    if total is None:  # an ONNX split into equal parts, which rounds as chunk does
        return Split(x, None, axis, num_outputs=chunks).results
    return _split(x, axis, _equal_parts(x, axis, -(-total // chunks)))


@translates("tensor_split")
def tensor_split(x: Value, sections: Sequence[int] | int, dim: int = 0) -> tuple[Value, ...]:
    axis = axis_of(x, dim)
    total = static(x, axis)
    if isinstance(sections, int):
        if total is None:
            return chunk(x, sections, dim)
        each, more = divmod(total, sections)
        return _split(x, axis, [each + (i < more) for i in range(sections)])
    assert total is not None
    ends = [min(s % total if s < 0 else s, total) for s in (*sections, total)]
    return _split(x, axis, [max(e - b, 0) for b, e in zip([0, *ends], ends, strict=False)])


@translates("unbind")
def unbind(x: Value, dim: int = 0) -> tuple[Value, ...]:
    axis = axis_of(x, dim)
    count = static(x, axis)
    if count is None:
        _equal_parts(x, axis, 1)
    return tuple(Squeeze(part, ints(axis)) for part in _split(x, axis, [1] * (count or 0)))


@translates("meshgrid")
def meshgrid(tensors: Sequence[Value], *, indexing: str = "ij") -> tuple[Value, ...]:
    rank = len(tensors)
    lengths = [size_of(t, 0) for t in tensors]
    if indexing == "xy":
        lengths[:2] = reversed(lengths[:2])
    found = []
    for i, t in enumerate(tensors):
        place = 1 - i if indexing == "xy" and i < 2 else i
        found.append(Expand(Reshape(t, ints(*(-1 if j == place else 1 for j in range(rank)))), sizes(lengths)))
    return tuple(found)
