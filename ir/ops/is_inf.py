from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.dims import symbol
from lissom.ir.families.elementwise import FloatUnary
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType


class IsInf(FloatUnary):
    """y = whether x is infinite, of a sign that ``detect_negative`` and ``detect_positive`` ask for."""

    detect_negative: bool = True
    detect_positive: bool = True

    def infer(self) -> TensorType:
        return TensorType(DType.bool, super().infer().shape)

    def run(self, x: torch.Tensor) -> torch.Tensor:
        v = x.float() if x.element_size() == 1 else x
        infinite = torch.isinf(v)
        if not self.detect_negative:
            infinite = infinite & ~(v < 0)
        if not self.detect_positive:
            infinite = infinite & ~(v > 0)
        return infinite

    @classmethod
    def samples(cls) -> Iterable[Op]:
        x = literal("x", [0.0, -1.5, float("nan"), float("inf"), float("-inf")], DType.float32)
        yield cls(x)
        yield cls(x, detect_negative=False)
        yield cls(x, detect_positive=False)
        yield cls(x, detect_negative=False, detect_positive=False)
        yield cls(literal("x", [0.0, float("inf"), float("-inf")], DType.float16))
        yield cls(value("x", symbol("N"), 3))
