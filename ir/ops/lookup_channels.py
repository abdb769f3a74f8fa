from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from lissom.ir.op import Op
from lissom.ir.samples import random_array, value
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Const, Value


class LookupChannels(Op):
    """y = table[c, x], with c the index along ``axis``: a function of one 8-bit operand that differs by channel.

    Such as a normalization with fixed statistics, or a PRelu. ``table`` is (C, 256), each row ordered by the bits of x
    as in Lookup.
    """

    domain = "lissom"
    frozen = "its numbers are integers that are decided on already; prune before quantizing"

    x: Value
    table: Value
    axis: int = 1

    def infer(self) -> TensorType:
        self.require(self.x.type.dtype in (DType.int8, DType.uint8), "x of type int8 or uint8", self.x.type)
        self.require(0 <= self.axis < self.x.type.rank, f"an axis of {self.x.type}", self.axis)
        channels = self.x.type.dims[self.axis]
        self.require(self.table.type.shape == (channels, 256), f"a table of shape ({channels}, 256)", self.table.type)
        return TensorType(self.table.type.dtype, self.x.type.shape)

    def run(self, x: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        shape = [1] * x.ndim
        shape[self.axis] = -1
        first = 256 * torch.arange(table.shape[0]).reshape(shape)
        return table.reshape(-1)[(x.to(torch.int64) & 255) + first]

    def as_qdq(self) -> Value:
        """A Gather from all rows in turn, at the value plus where its channel begins."""
        from lissom.ir.ops.add import Add
        from lissom.ir.ops.cast import Cast
        from lissom.ir.ops.gather import Gather

        assert isinstance(self.table, Const)
        signed = self.x.type.dtype is DType.int8
        rows = np.roll(self.table.data, 128, axis=1) if signed else self.table.data
        shape = [1] * self.x.type.rank
        shape[self.axis] = -1
        first = 256 * np.arange(len(rows), dtype=np.int32).reshape(shape) + np.int32(128 if signed else 0)
        index = Add(Cast(self.x, to=DType.int32), Const(first, f"{self.name}.rows"))
        return Gather(Const(np.ascontiguousarray(rows).reshape(-1), f"{self.name}.table"), index)

    @staticmethod
    def samples() -> Iterable[Op]:
        def table(channels: int, dtype: DType) -> Const:
            low, high = (-128, 128) if dtype is DType.int8 else (0, 256)
            return Const(random_array("table", (channels, 256), dtype, low, high), "table")

        yield LookupChannels(value("x", 2, 3, 5, dtype=DType.int8), table(3, DType.int8))
        yield LookupChannels(value("x", 4, 7, dtype=DType.uint8), table(7, DType.uint8))
        yield LookupChannels(value("x", 2, 3, 2, dtype=DType.int8), table(2, DType.uint8), axis=2)
