from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import product, symbol
from lissom.ir.op import Op
from lissom.ir.samples import value
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Value


class Size(Op):
    """y = the number of elements of x, an int64 scalar."""

    x: Value

    def infer(self) -> TensorType:
        return TensorType(DType.int64, ())

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tensor(x.numel(), dtype=torch.int64)

    def fold_contents(self) -> Array | None:
        if self.x.type.shape is None:
            return None
        contents = np.empty((), dtype=object)
        contents[()] = product(self.x.type.shape)
        return contents

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        return flow.opaque(self, "its size is read as a number")

    @staticmethod
    def samples() -> Iterable[Op]:
        yield Size(value("x", 2, 3, 4))
        yield Size(value("x"))
        yield Size(value("x", symbol("N"), 3, symbol("H"), dtype=DType.int8))
        yield Size(value("x", 0, 3))
