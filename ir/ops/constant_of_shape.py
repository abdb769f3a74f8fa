from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.contents import count, elements
from lissom.ir.op import Op
from lissom.ir.samples import literal
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import CONTENTS_LIMIT, Value


class ConstantOfShape(Op):
    """y = ``value`` everywhere, in elements of type ``dtype``, in the shape given (int64, one number an axis).

    ONNX writes ``value`` and ``dtype`` as one attribute, a tensor of one element.
    """

    shape: Value
    value: float | int | bool = 0.0
    dtype: DType = DType.float32

    def infer(self) -> TensorType:
        sizes, rank = elements(self.shape), count(self.shape)
        if sizes is not None:
            self.require(all(not isinstance(s, int) or s >= 0 for s in sizes), "sizes of 0 or more", sizes)
            return TensorType(self.dtype, sizes)
        return TensorType(self.dtype, None if rank is None else tuple(unknown_size(self, i) for i in range(rank)))

    def run(self, shape: torch.Tensor) -> torch.Tensor:
        return torch.full(shape.tolist(), self.value, dtype=self.dtype.torch)

    def fold_contents(self) -> Array | None:
        sizes = self.type.static
        if sizes is None or self.type.size() > CONTENTS_LIMIT or not self.dtype.is_integer:
            return None
        return np.full(sizes, int(self.value), dtype=object)

    def channels(self, flow: Flow) -> Layout:
        return Layout.fixed(self.type.dims)

    @staticmethod
    def samples() -> Iterable[Op]:
        yield ConstantOfShape(literal("shape", [2, 3]))
        yield ConstantOfShape(literal("shape", [4]), value=-7, dtype=DType.int64)
        yield ConstantOfShape(literal("shape", []), value=1.5)
        yield ConstantOfShape(literal("shape", [2, 0]), value=True, dtype=DType.bool)
        yield ConstantOfShape(literal("shape", [3]), value=1.0, dtype=DType.float16)
