from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F

from lissom.ir.dims import symbol
from lissom.ir.families.pooling import Pool, in_window, outer
from lissom.ir.op import Op
from lissom.ir.samples import value


class AveragePool(Pool):
    """y[n,c,p] = mean over k of x[n,c,p*stride+k*dilation-pad].

    The divisor counts the elements of x in the window and, with ``count_include_pad``, those of the padding; never what
    lies beyond the padding, where ``ceil_mode`` lets the last window reach.
    """

    count_include_pad: bool = False

    def run(self, x: torch.Tensor) -> torch.Tensor:
        padding = self.native(x)
        if padding is not None and set(self.dilations) == {1}:
            pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[x.ndim - 3]
            return pool(x, self.kernel_shape, self.strides, padding, self.ceil_mode, self.count_include_pad)
        sums = self.window_sums(x)
        return (sums / self.counts(x, sums.shape[2:]).clamp(min=1)).to(x.dtype)

    def counts(self, x: torch.Tensor, spatial: tuple[int, ...]) -> torch.Tensor:
        """The number of elements that count in each window: a product over the axes."""
        begins, ends, _ = self.margins(x)
        counts = []
        for i, size in enumerate(x.shape[2:]):
            low, high = (-begins[i], size + ends[i]) if self.count_include_pad else (0, size)
            counts.append(
                in_window(spatial[i], self.kernel_shape[i], self.strides[i], self.dilations[i], begins[i], low, high)
            )
        return outer(counts)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 2, 3, 9, 8)
        yield AveragePool(x, (2, 2), strides=(2, 2))
        yield AveragePool(x, (3, 3), strides=(2, 2), pads=(1, 1, 1, 1))
        yield AveragePool(x, (3, 3), strides=(2, 2), pads=(1, 1, 1, 1), count_include_pad=True, ceil_mode=True)
        yield AveragePool(x, (3, 2), strides=(2, 3), pads=(0, 1, 2, 0), ceil_mode=True)
        yield AveragePool(x, (2, 3), dilations=(3, 2), pads=(1, 0, 1, 1), count_include_pad=True)
        yield AveragePool(x, (4, 3), strides=(2, 3), auto_pad="SAME_UPPER")
        yield AveragePool(value("x", symbol("N"), 3, symbol("L")), (3,), strides=(2,), pads=(1, 0))
        yield AveragePool(value("x", 1, 2, 5, 4, 6), (2, 2, 3), strides=(2, 1, 2), pads=(1, 0, 1, 0, 0, 1))
