"""Window functions of signal processing: sums of cosines over ``size`` points."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar

import torch

from lissom.ir.contents import elements
from lissom.ir.op import Op
from lissom.ir.samples import literal
from lissom.ir.types import DType, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Value


class CosineWindow(Op, abstract=True):
    """y[n] = sum over k of coefficients[k] * cos(2 pi k n / m), m = size, or size - 1 when not ``periodic``."""

    coefficients: ClassVar[tuple[float, ...]]
    size: Value
    output_datatype: DType = DType.float32
    periodic: bool = True

    def infer(self) -> TensorType:
        return TensorType(self.output_datatype, elements(self.size) or (unknown_size(self, 0),))

    def run(self, size: torch.Tensor) -> torch.Tensor:
        count = int(size.reshape(-1)[0])
        turn = torch.arange(count, dtype=torch.float64) * 2 * math.pi / max(count if self.periodic else count - 1, 1)
        y = sum((c * torch.cos(k * turn) for k, c in enumerate(self.coefficients)), torch.zeros(()))
        return y.to(self.output_datatype.torch)

    @classmethod
    def samples(cls) -> Iterable[Op]:
        yield cls(literal("size", 10))
        yield cls(literal("size", 7), periodic=False)
        yield cls(literal("size", 5, DType.int32), output_datatype=DType.float64)
