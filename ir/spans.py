"""What part of an axis a slice takes."""

from __future__ import annotations

from lissom.ir.bounds import at_least, clip, is_at_least, maximum, minimum
from lissom.ir.dims import Dim, ceildiv

_FAR = 2**31 - 1  # exporters write INT32_MAX and INT64_MAX for "up to the end", and their negatives


def span(start: Dim, end: Dim, step: int, size: Dim) -> tuple[Dim, Dim] | None:
    """The first position that ``start:end:step`` takes from an axis of ``size``, and how many positions it takes.

    ``step`` is not 0; ONNX's rules for negative numbers and numbers out of range. None where it depends on the sign of
    a symbolic number that is not known.
    """
    first, last = _position(start, size), _position(end, size)
    if first is None or last is None:
        return None
    if size == 0:
        return 0, 0
    if step > 0:
        first, last = clip(first, 0, size), clip(last, 0, size)
        return first, maximum(0, ceildiv(last - first, step))
    first, last = clip(first, 0, size - 1), clip(last, -1, size - 1)
    n = maximum(0, ceildiv(first - last, -step))
    return first, n if is_at_least(size, 1) else minimum(n, size)  # an empty axis has no last position to begin at


def positions(start: int, end: int, step: int, size: int) -> range:
    """The positions that :func:`span` speaks of, where all numbers are known."""
    taken = span(start, end, step, size)
    match taken:
        case (int(first), int(n)):
            return range(first, first + n * step, step)
    raise AssertionError(f"the span {start}:{end}:{step} of {size} is not a number")


def _position(given: Dim, size: Dim) -> Dim | None:
    """``given`` counted from the front, not yet clipped."""
    if isinstance(given, int) and abs(given) >= _FAR:
        return size if given > 0 else -1
    if (low := at_least(given)) is not None and low >= 0:
        return given
    if (low := at_least(-given)) is not None and low >= 1:
        return given + size
    return None
