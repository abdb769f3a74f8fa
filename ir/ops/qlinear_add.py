from __future__ import annotations

from collections.abc import Iterable

from lissom.ir.families.integer import ScaledSum
from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.samples import int8_triple, literal, uint8_triple
from lissom.ir.types import DType
from lissom.ir.values import Value


class QLinearAdd(ScaledSum):
    """y = saturate(round_half_even((a - za) * (sa / sy) + (b - zb) * (sb / sy)) + zy), with broadcasting.

    In float32, as :class:`~lissom.ir.families.integer.ScaledSum` says.
    """

    sign = 1

    def real(self, *operands: Value) -> Op:
        return Add(*operands)

    @staticmethod
    def samples() -> Iterable[Op]:
        y = literal("sy", 0.11, DType.float32), literal("zy", 4, DType.int8)
        yield QLinearAdd(*int8_triple("a", 2, 3, 20), *int8_triple("b", 2, 3, 20, scale=0.05), *y)
        yield QLinearAdd(*int8_triple("a", 2, 3, 4), *int8_triple("b", 3, 1, scale=0.3), *y)
        unsigned = literal("sy", 0.07, DType.float32), literal("zy", 100, DType.uint8)
        yield QLinearAdd(*uint8_triple("a", 5, 1), *int8_triple("b", 1, 6), *unsigned)
