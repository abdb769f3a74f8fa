"""Base of the ops on the bits of two integers."""

from __future__ import annotations

from collections.abc import Iterable

from lissom.ir.dims import symbol
from lissom.ir.families.elementwise import Binary
from lissom.ir.op import Op
from lissom.ir.samples import value
from lissom.ir.types import DType, TensorType


class Bitwise(Binary, abstract=True):
    """c = a ? b, bit by bit with numpy-style broadcasting; a, b and c of one integer dtype."""

    def infer(self) -> TensorType:
        self.require(self.a.type.dtype.is_integer, "integers", (self.a.type, self.b.type))
        return super().infer()

    @classmethod
    def samples(cls) -> Iterable[Op]:
        for dtype, low, high in (
            (DType.int32, -(1 << 20), 1 << 20),
            (DType.uint8, 0, 256),
            (DType.uint16, 0, 1 << 16),
            (DType.uint64, 0, 1 << 62),
        ):
            yield cls(
                value("a", symbol("N"), 3, 4, dtype=dtype, low=low, high=high),
                value("b", 3, 1, dtype=dtype, low=low, high=high),
            )
