"""Arguments that are no tensors are part of the graph: they must be what they were when the module was captured."""

from __future__ import annotations

from lissom.ir.errors import DataError


def expect(given: object, captured: object) -> None:
    """Raise DataError unless ``given`` is the value the graph was captured with."""
    if given != captured:
        raise DataError(
            f"the graph was captured with {captured!r} for this argument, got {given!r}; capture it again with that"
        )
