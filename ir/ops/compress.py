from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.axes import from_front
from lissom.ir.dims import symbol
from lissom.ir.families.bits import take
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Const, Value


class Compress(Op):
    """y = the slices of x along ``axis`` where ``condition`` (a bool vector) holds; without ``axis``, of x flattened.

    What the condition is too short for is left out.
    """

    x: Value
    condition: Value
    axis: int | None = None

    def infer(self) -> TensorType:
        condition, shape = self.condition, self.x.type.dims
        self.require(condition.type.dtype is DType.bool, "a condition of type bool", condition.type)
        axis = 0 if self.axis is None else from_front(self, self.axis, len(shape))
        kept = int(condition.data.sum()) if isinstance(condition, Const) else unknown_size(self, axis)
        before, after = ((), ()) if self.axis is None else (shape[:axis], shape[axis + 1 :])
        return TensorType(self.x.type.dtype, (*before, kept, *after))

    def run(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        kept = condition.nonzero().reshape(-1)
        return take(x.reshape(-1), 0, kept) if self.axis is None else take(x, self.axis, kept)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 3, 2)
        yield Compress(x, literal("c", [False, True, True], DType.bool), axis=0)
        yield Compress(x, literal("c", [False, True], DType.bool), axis=-1)
        yield Compress(x, literal("c", [False, True, False, False, True], DType.bool))
        yield Compress(value("x", symbol("N"), 4, dtype=DType.uint8), value("c", 4, dtype=DType.bool), axis=1)
