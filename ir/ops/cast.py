from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families import casting
from lissom.ir.families.casting import RoundMode
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Value


class Cast(Op):
    """y = x as elements of type ``to``.

    ``saturate`` keeps float8 results finite; ``round_mode`` is for float8e8m0 only.
    See :mod:`lissom.ir.families.casting`.
    """

    x: Value
    to: DType
    saturate: bool = True
    round_mode: RoundMode = "up"

    def infer(self) -> TensorType:
        return TensorType(self.to, self.x.type.shape)

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return casting.cast(x, self.x.type.dtype, self.to, self.saturate, self.round_mode)

    def fold_contents(self) -> Array | None:
        # Sizes fit into either; floats of them are not followed.
        return self.x.contents if self.to in (DType.int32, DType.int64) else None

    def channels(self, flow: Flow) -> Layout:
        return flow.of(self.x)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", symbol("N"), 3, 4)
        yield Cast(x, DType.int32)
        yield Cast(x, DType.float16)
        yield Cast(x, DType.bool)
        yield Cast(value("x", 9, dtype=DType.int64, low=-300, high=300), DType.int8)
        yield Cast(value("x", 9, dtype=DType.uint16), DType.float64)
        far = literal("x", [0.0, -0.3, 449.0, 1e9, -1e9, float("inf"), float("nan")], DType.float32)
        yield Cast(far, DType.float8e4m3fn)
        yield Cast(far, DType.float8e5m2, saturate=False)
        yield Cast(value("x", dtype=DType.int32), DType.int64)
