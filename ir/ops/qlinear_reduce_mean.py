from __future__ import annotations

from collections.abc import Iterable
from math import prod

import numpy as np
import torch

from lissom.ir.families.integer import UnaryInteger
from lissom.ir.families.quantization import centred, requantize
from lissom.ir.op import Op
from lissom.ir.ops.reduce_mean import ReduceMean
from lissom.ir.samples import int8_triple, literal, uint8_triple
from lissom.ir.types import DType
from lissom.ir.values import Const, Value


class QLinearReduceMean(UnaryInteger):
    """y = requantize(sum over the P elements along ``axes`` of x - zx), multiplier x_scale / (y_scale * P).

    ``axes`` count from the front, in order. Domain: sums within int32, that is P < 2**23.
    """

    axes: tuple[int, ...]
    keepdims: bool = True

    def real(self, *operands: Value) -> Op:
        (x,) = operands
        return ReduceMean(x, Const(np.array(self.axes, np.int64), "axes"), self.keepdims)

    def run(
        self,
        x: torch.Tensor,
        x_scale: torch.Tensor,
        x_zero_point: torch.Tensor,
        y_scale: torch.Tensor,
        y_zero_point: torch.Tensor,
    ) -> torch.Tensor:
        acc = centred(x, x_zero_point).sum(self.axes, keepdim=self.keepdims)
        m = x_scale.float() / (y_scale.float() * float(prod(x.shape[a] for a in self.axes)))
        return requantize(acc, m, y_zero_point, self.type.dtype)

    @staticmethod
    def samples() -> Iterable[Op]:
        y = literal("sy", 0.0213, DType.float32), literal("zy", 3, DType.int8)
        yield QLinearReduceMean(*int8_triple("x", 2, 5, 7), *y, (1,), keepdims=False)
        yield QLinearReduceMean(*int8_triple("x", 3, 4, 5, 2), *y, (1, 2))
        unsigned = literal("sy", 0.0107, DType.float32), literal("zy", 128, DType.uint8)
        yield QLinearReduceMean(*uint8_triple("x", 2, 11), *unsigned, (1,))
