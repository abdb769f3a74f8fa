"""Bases of the ops that answer true or false for each pair of elements."""

from __future__ import annotations

from collections.abc import Iterable

from lissom.ir.dims import Dim, SymDim, symbol
from lissom.ir.families.elementwise import Binary
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType


class Comparison(Binary, abstract=True):
    """c = a ? b, element by element with numpy-style broadcasting; a and b of one dtype, c bool."""

    def infer(self) -> TensorType:
        return TensorType(DType.bool, super().infer().shape)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        yield cls(value("a", 2, 3, 4), value("b", 3, 1))
        a = value("a", symbol("N"), 9, dtype=DType.int64, low=-1, high=2)
        yield cls(a, value("b", 9, dtype=DType.int64, low=-1, high=2))
        yield cls(a, a)
        yield cls(value("a", 20, dtype=DType.uint64, high=3), literal("b", 1, DType.uint64))
        yield cls(value("a", 3, 0), value("b", dtype=DType.float32))


class Logical(Comparison, abstract=True):
    """c = a ? b for bools, element by element with numpy-style broadcasting."""

    def infer(self) -> TensorType:
        self.require(self.a.type.dtype is self.b.type.dtype is DType.bool, "bools", (self.a.type, self.b.type))
        return super().infer()

    @classmethod
    def samples(cls) -> Iterable[Op]:
        a = value("a", symbol("N"), 3, 4, dtype=DType.bool)
        yield cls(a, value("b", 3, 1, dtype=DType.bool))
        yield cls(a, a)
        yield cls(value("a", dtype=DType.bool), literal("b", [True, False], DType.bool))


def less(a: Dim, b: Dim) -> bool | None:
    """Whether a < b; None where that depends on the symbols, which stand for 1 or more."""
    difference = b - a
    if isinstance(difference, int):
        return difference > 0
    if never_negative(difference - 1):
        return True
    return False if never_negative(-difference) else None


def equal(a: Dim, b: Dim) -> bool | None:
    """Whether a == b; None where that depends on the symbols, which stand for 1 or more."""
    if a == b:
        return True
    return False if less(a, b) or less(b, a) else None


def never_negative(dim: Dim) -> bool:
    """True where ``dim`` is 0 or more whatever its symbols stand for; a sufficient test.

    Functions of dims, such as ``(H-1)//2``, are taken to be 0 or more: they come from sizes.
    """
    return all(c >= 0 for _, c in dim.terms) if isinstance(dim, SymDim) else dim >= 0


def at_most(a: Dim, b: Dim) -> bool | None:
    """Whether a <= b; None where that depends on the symbols."""
    more = less(b, a)
    return None if more is None else not more
