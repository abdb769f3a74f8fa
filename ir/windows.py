"""Sliding-window geometry, shared by convolutions and pools: strides, dilations, paddings, output sizes.

Pads are ONNX's: all begins, then all ends. ``SAME_UPPER`` and ``SAME_LOWER`` are resolved to numbers wherever the sizes
are known; with a symbolic size they stay, and are resolved when the op runs.
"""

from __future__ import annotations

from collections.abc import Sequence

from lissom.ir import dims
from lissom.ir.dims import Dim


def per_axis(given: tuple[int, ...], rank: int, default: int) -> tuple[int, ...]:
    """One number for each of ``rank`` spatial axes; the default where none were given."""
    return given or (default,) * rank


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
    if auto_pad not in ("SAME_UPPER", "SAME_LOWER"):
        return "NOTSET", pads or (0,) * 2 * rank
    begins, ends = [], []
    for size, k, s, d in zip(sizes, kernel, strides, dilations, strict=True):
        if s == 1:
            total = d * (k - 1)
        elif isinstance(size, int):
            total = max(0, (-(-size // s) - 1) * s + d * (k - 1) + 1 - size)
        else:
            return auto_pad, ()
        small, large = total // 2, total - total // 2
        begins.append(small if auto_pad == "SAME_UPPER" else large)
        ends.append(large if auto_pad == "SAME_UPPER" else small)
    return "NOTSET", (*begins, *ends)


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
        if auto_pad != "NOTSET":
            out.append(dims.ceildiv(size, s))
            continue
        room = size + pads[i] + pads[i + rank] - d * (k - 1) - 1
        if not ceil_mode:
            out.append(dims.floordiv(room, s) + 1)
            continue
        n = dims.ceildiv(room, s) + 1
        # A window that would begin in the end padding is left out (ONNX 1.15 and later, PyTorch).
        if isinstance(n, int) and isinstance(size, int) and (n - 1) * s >= size + pads[i]:
            n -= 1
        out.append(n)
    return tuple(out)
