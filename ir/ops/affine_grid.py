from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F

from lissom.ir.contents import elements
from lissom.ir.dims import symbol
from lissom.ir.families.pooling import widened
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Value


class AffineGrid(Op):
    """grid[n,p] = theta[n] @ (p, 1) for every point p of a regular grid over [-1, 1]; the input of GridSample.

    Shapes: theta (N, r, r+1), size the r+2 sizes (N, C, *out) of the image, grid (N, *out, r), r is 2 or 3.
    """

    theta: Value
    size: Value
    align_corners: bool = False

    def infer(self) -> TensorType:
        theta = self.theta.type
        self.require(theta.rank == 3 and theta.dims[1:] in ((2, 3), (3, 4)), "theta (N, 2, 3) or (N, 3, 4)", theta)
        n, rank, _ = theta.dims
        assert isinstance(rank, int)
        sizes = elements(self.size)
        out = sizes[2:] if sizes is not None else tuple(unknown_size(self, i + 1) for i in range(rank))
        self.require(len(out) == rank, f"{rank + 2} sizes", sizes)
        return TensorType(theta.dtype, (n, *out, rank))

    def run(self, theta: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
        return F.affine_grid(widened(theta), [len(theta), *size.tolist()[1:]], self.align_corners).to(theta.dtype)

    @staticmethod
    def samples() -> Iterable[Op]:
        yield AffineGrid(value("theta", 2, 2, 3), literal("size", [2, 3, 4, 5]))
        yield AffineGrid(value("theta", 2, 2, 3), literal("size", [2, 3, 4, 5]), align_corners=True)
        yield AffineGrid(value("theta", 1, 3, 4), literal("size", [1, 3, 2, 4, 5]))
        yield AffineGrid(value("theta", symbol("N"), 2, 3), literal("size", [1, 3, 4, 2]), align_corners=True)
