from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.dims import symbol
from lissom.ir.families.pooling import Pool
from lissom.ir.op import Op
from lissom.ir.samples import value


class LpPool(Pool):
    """y[n,c,p] = (sum over k of |x[n,c,p*stride+k*dilation-pad]|^p)^(1/p), zeros around."""

    p: int = 2

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return self.window_sums(x.abs() ** self.p).pow(1.0 / self.p).to(x.dtype)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 2, 3, 9, 8)
        yield LpPool(x, (2, 2), strides=(2, 2))
        yield LpPool(x, (3, 2), strides=(2, 3), pads=(0, 1, 2, 0), p=1)
        yield LpPool(x, (3, 3), strides=(2, 2), auto_pad="SAME_UPPER", p=3)
        yield LpPool(x, (2, 3), dilations=(2, 2), strides=(2, 2), ceil_mode=True)
        yield LpPool(value("x", symbol("N"), 3, symbol("L")), (3,), strides=(2,))
