from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.pooling import Pool
from lissom.ir.op import Op
from lissom.ir.samples import value
from lissom.ir.types import DType, TensorType


class MaxPool(Pool):
    """y[n,c,p] = max over k of x[n,c,p*stride+k*dilation-pad]; padding never wins.

    The second result, there when ``results_used`` is 2, is the flat index into x of each maximum, int64. With
    ``storage_order`` 1 the spatial axes are counted column by column, the first one fastest.
    """

    storage_order: int = 0
    results_used: int = 1

    def infer(self) -> tuple[TensorType, ...]:
        pooled = super().infer()
        assert isinstance(pooled, TensorType)
        return (pooled, TensorType(DType.int64, pooled.shape))[: self.results_used]

    def run(self, x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[x.ndim - 3]
        floating = x if x.is_floating_point() else x.float()
        padding = self.native(x)
        if padding is None:
            begins, padding, ceil = self.margins(x)[0], (0,) * (x.ndim - 2), False
            floating = self.padded(floating, float("-inf"))
        else:
            begins, ceil = (0,) * (x.ndim - 2), self.ceil_mode
        geometry = (self.kernel_shape, self.strides, padding, self.dilations, ceil)
        if self.results_used == 1:
            return pool(floating, *geometry).to(x.dtype)
        y, where = pool(floating, *geometry, return_indices=True)
        return y.to(x.dtype), self._flat(where, floating.shape[2:], begins, x.shape)

    def _flat(
        self, where: torch.Tensor, padded: tuple[int, ...], begins: tuple[int, ...], shape: tuple[int, ...]
    ) -> torch.Tensor:
        """Indices into one padded plane as indices into the whole of x."""
        sizes = shape[2:]
        places = [p - b for p, b in zip(torch.unravel_index(where, padded), begins, strict=True)]
        order = list(range(len(sizes)))
        planes = torch.arange(shape[0] * shape[1]).reshape(shape[0], shape[1], *[1] * len(sizes))
        flat = planes.expand(where.shape)
        for axis in reversed(order) if self.storage_order else order:
            flat = flat * sizes[axis] + places[axis]
        return flat

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        if len(self.results) > 1 and self.results[1].users:
            return flow.opaque(self, "its indices are read")
        return super().channels(flow)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 2, 3, 9, 8)
        yield MaxPool(x, (2, 2), strides=(2, 2))
        yield MaxPool(x, (3, 3), strides=(2, 2), pads=(1, 1, 1, 1))
        yield MaxPool(x, (3, 2), strides=(2, 3), pads=(0, 1, 2, 0), ceil_mode=True)
        yield MaxPool(x, (2, 3), dilations=(2, 2), pads=(1, 0, 1, 1), results_used=2)
        yield MaxPool(x, (4, 3), strides=(2, 3), auto_pad="SAME_LOWER", storage_order=1, results_used=2)
        yield MaxPool(value("x", symbol("N"), 3, symbol("L")), (3,), strides=(2,), pads=(1, 0))
        yield MaxPool(value("x", 1, 2, 5, 4, 6), (2, 2, 3), strides=(2, 1, 2))
        yield MaxPool(value("x", 1, 2, 5, 6, dtype=DType.uint8), (3, 3), strides=(2, 2), pads=(1, 1, 1, 1))
