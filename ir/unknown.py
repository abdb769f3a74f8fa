"""Sizes that only data decide: how many elements NonZero finds, what a computed Reshape target says."""

from __future__ import annotations

from collections.abc import Iterator

from lissom.ir.dims import SymDim, symbol, symbols
from lissom.ir.op import Op

_PREFIX = "_u"
_next = 0


def unknown_size(op: Op, axis: int, result: int = 0) -> SymDim:
    """The symbol that stands for the unknown size of one axis of a result of ``op``: ``_u0``, ``_u1``, ...

    It is new the first time and the same whenever ``infer`` runs again, in copies of the op too, because the type the
    op already has is asked first.
    """
    global _next
    shape = op.results[result].type.shape if result < len(op.results) else None
    if shape is not None and -len(shape) <= axis < len(shape):
        held = shape[axis]
        if isinstance(held, SymDim) and held.is_atom and is_unknown(name := str(held)) and name not in _read(op):
            _next = max(_next, int(name.removeprefix(_PREFIX)) + 1)  # names read from text stay taken
            return held
    _next += 1
    return symbol(f"{_PREFIX}{_next - 1}")


def is_unknown(name: str) -> bool:
    """Whether a symbol of this name stands for a size that only data decide, and so may be 0."""
    return name.startswith(_PREFIX) and name.removeprefix(_PREFIX).isdecimal()


def _read(op: Op) -> set[str]:
    """Symbols of the operands: an axis that merely passes one on has no unknown of its own."""

    def names() -> Iterator[str]:
        for v in op.operands:
            for d in v.type.shape or ():
                yield from symbols(d)
            if v.contents is not None:
                for d in v.contents.flat:
                    yield from symbols(d)

    return set(names())
