from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.dims import symbol
from lissom.ir.families.elementwise import FloatUnary
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType


class IsNaN(FloatUnary):
    """y = whether x is not a number."""

    def infer(self) -> TensorType:
        return TensorType(DType.bool, super().infer().shape)

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.isnan(x.float() if x.element_size() == 1 else x)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        special = [0.0, -1.5, float("nan"), float("inf"), float("-inf")]
        yield cls(literal("x", special, DType.float32))
        yield cls(literal("x", special, DType.float16))
        yield cls(literal("x", special, DType.float8e5m2))
        yield cls(value("x", symbol("N"), 3))
