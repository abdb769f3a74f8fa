"""Sliding-window geometry, shared by convolutions and pools: strides, dilations, paddings, output sizes.

Pads are ONNX's: all begins, then all ends. ``SAME_UPPER`` and ``SAME_LOWER`` are resolved to numbers wherever the sizes
are known; with a symbolic size they stay, and are resolved when the op runs.
"""

from __future__ import annotations

from collections.abc import Sequence

from lissom.ir import dims
from lissom.ir.dims import Dim
from lissom.ir.errors import Unsupported

_SAME = ("SAME_UPPER", "SAME_LOWER")


def per_axis(given: tuple[int, ...], rank: int, default: int) -> tuple[int, ...]:
    """One number for each of ``rank`` spatial axes; the default where none were given."""
    return given or (default,) * rank


def torch_rank(rank: int) -> int:
    """``rank`` where torch has windows over that many spatial axes (1 to 3); raises Unsupported for others."""
    if rank not in (1, 2, 3):
        raise Unsupported(f"windows slide over 1 to 3 spatial axes, got {rank}")
    return rank


def extent(kernel: int, dilation: int) -> int:
    """How many elements a dilated kernel spans."""
    return dilation * (kernel - 1) + 1


def explicit_pads(
    auto_pad: str,
    pads: tuple[int, ...],
    sizes: Sequence[Dim],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> tuple[str, tuple[int, ...]]:
    """``(auto_pad, pads)`` with pads as numbers and ``auto_pad`` as ``NOTSET`` wherever that is possible."""
    rank = len(kernel)
    if auto_pad == "VALID":
        return "NOTSET", (0,) * 2 * rank
    if auto_pad not in _SAME:
        return "NOTSET", pads or (0,) * 2 * rank
    begins, ends = [], []
    for size, k, s, d in zip(sizes, kernel, strides, dilations, strict=True):
        if s == 1:
            total = extent(k, d) - 1
        elif isinstance(size, int):
            total = max(0, (-(-size // s) - 1) * s + extent(k, d) - size)
        else:
            return auto_pad, ()
        begin, end = _share(total, auto_pad == "SAME_UPPER")
        begins.append(begin)
        ends.append(end)
    return "NOTSET", (*begins, *ends)


def _share(total: int, more_at_end: bool) -> tuple[int, int]:
    small, large = total // 2, total - total // 2
    return (small, large) if more_at_end else (large, small)


def output_sizes(
    auto_pad: str,
    pads: Sequence[int],
    sizes: Sequence[Dim],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    ceil_mode: bool = False,
) -> tuple[Dim, ...]:
    """Spatial sizes of the output of a convolution or pool."""
    rank = len(kernel)
    out: list[Dim] = []
    for i, (size, k, s, d) in enumerate(zip(sizes, kernel, strides, dilations, strict=True)):
        if auto_pad in _SAME:
            out.append(dims.ceildiv(size, s))
            continue
        room = size + pads[i] + pads[i + rank] - extent(k, d)
        if not ceil_mode:
            out.append(dims.floordiv(room, s) + 1)
            continue
        # A window that would begin in the end padding is left out (ONNX 1.15 and later, PyTorch).
        out.append(dims.minimum(dims.ceildiv(room, s), dims.floordiv(size + pads[i] - 1, s)) + 1)
    return tuple(out)


def transposed_pads(
    auto_pad: str,
    pads: tuple[int, ...],
    sizes: Sequence[Dim],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    output_padding: Sequence[int],
    output_shape: Sequence[int],
) -> tuple[int, ...] | None:
    """Pads of a transposed convolution as numbers; None while they depend on a symbolic size.

    Pads may be negative: the output then reaches past the last contribution and holds only the bias there.
    """
    rank = len(kernel)
    if auto_pad not in _SAME and not output_shape:
        return pads if pads and auto_pad == "NOTSET" else (0,) * 2 * rank
    begins, ends = [], []
    for i, (size, k, s, d) in enumerate(zip(sizes, kernel, strides, dilations, strict=True)):
        wanted = output_shape[i] if output_shape else size * s
        total = (size - 1) * s + extent(k, d) + output_padding[i] - wanted
        if not isinstance(total, int):
            return None
        begin, end = _share(total, auto_pad == "SAME_UPPER")
        begins.append(begin)
        ends.append(end)
    return (*begins, *ends)


def transposed_sizes(
    pads: Sequence[int],
    sizes: Sequence[Dim],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    output_padding: Sequence[int],
) -> tuple[Dim, ...]:
    """Spatial sizes of the output of a transposed convolution."""
    rank = len(kernel)
    return tuple(
        (size - 1) * s + extent(k, d) + more - pads[i] - pads[i + rank]
        for i, (size, k, s, d, more) in enumerate(zip(sizes, kernel, strides, dilations, output_padding, strict=True))
    )


def torch_padding(begins: Sequence[int], ends: Sequence[int]) -> list[int]:
    """The argument of ``torch.nn.functional.pad``: the last axis first, its begin and end together."""
    return [p for pair in zip(reversed(begins), reversed(ends), strict=True) for p in pair]
