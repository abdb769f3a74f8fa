"""Reading and passing on the elements of shape operands, as far as shape arithmetic knows them."""

from __future__ import annotations

from lissom.ir.dims import Dim
from lissom.ir.types import Array
from lissom.ir.values import CONTENTS_LIMIT, Value


def elements(value: Value | None) -> tuple[Dim, ...] | None:
    """The elements of an integer vector or scalar, in order; None where they, or the value, are absent."""
    return None if value is None or value.contents is None else tuple(value.contents.flat)


def integers(value: Value | None) -> tuple[int, ...] | None:
    """Like :func:`elements`, but None unless every element is a number."""
    found = elements(value)
    numbers = tuple(d for d in found or () if isinstance(d, int))
    return numbers if found is not None and len(numbers) == len(found) else None


def count(value: Value) -> int | None:
    """How many elements a vector or scalar holds, where that is known."""
    return value.type.size() if value.type.static is not None else None


def small(array: Array | None) -> Array | None:
    """``array``, or None where it has grown too large to take part in shape arithmetic."""
    return array if array is not None and array.size <= CONTENTS_LIMIT else None
