from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.op import Op
from lissom.ir.samples import random_array, value
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Const, Value


class Lookup(Op):
    """y = table[x]: any function of one 8-bit operand, such as an activation or a change of scale.

    ``table`` has 256 elements, ordered by the bits of x: 0 to 127, then -128 to -1 for int8, 128 to 255 for uint8.
    """

    domain = "lissom"

    x: Value
    table: Value

    def infer(self) -> TensorType:
        self.require(self.x.type.dtype in (DType.int8, DType.uint8), "x of type int8 or uint8", self.x.type)
        self.require(self.table.type.shape == (256,), "a table of 256 elements", self.table.type)
        return TensorType(self.table.type.dtype, self.x.type.shape)

    def run(self, x: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        return table[x.to(torch.int64) & 255]

    def as_qdq(self) -> Value:
        """A Gather: a negative int8 index counts from the end of the table, where its element is."""
        from lissom.ir.ops.cast import Cast
        from lissom.ir.ops.gather import Gather

        return Gather(self.table, Cast(self.x, to=DType.int32))

    def channels(self, flow: Flow) -> Layout:
        return flow.of(self.x)

    @staticmethod
    def samples() -> Iterable[Op]:
        table = Const(random_array("table", (256,), DType.int8, -128, 128), "table")
        yield Lookup(Const(random_array("x", (3, 90), DType.int8, -128, 128), "x"), table)
        yield Lookup(value("x", 2, 5, dtype=DType.uint8), Const(random_array("t", (256,), DType.uint8, 0, 256), "t"))
        yield Lookup(value("x", 2, 5, dtype=DType.int8), Const(random_array("f", (256,), DType.float32), "f"))
