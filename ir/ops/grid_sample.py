from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.channels.atoms import Factor, Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.errors import Unsupported
from lissom.ir.families.pooling import HALVES
from lissom.ir.families.sampling import Tap, axis_taps, gathered, zeros
from lissom.ir.op import Op
from lissom.ir.samples import value
from lissom.ir.types import TensorType
from lissom.ir.values import Value


class GridSample(Op):
    """y[n,c,p] = x[n,c] read at grid[n,p], where -1 and 1 are the ends of an axis.

    Shapes: x (N, C, *sizes), grid (N, *out, r) with the coordinates of the last axis first, y (N, C, *out). With
    ``align_corners`` the ends are the centres of the outermost elements, else their outer edges. ``mode`` is nearest
    (half to even), linear or cubic; ``padding_mode`` zeros, border or reflection. Jaderberg et al., Spatial Transformer
    Networks, 2015.
    """

    x: Value
    grid: Value
    mode: str = "linear"
    padding_mode: str = "zeros"
    align_corners: bool = False

    def infer(self) -> TensorType:
        x, grid = self.x.type, self.grid.type
        self.require(x.rank == grid.rank >= 3, "x and grid of equal rank, 3 or more", (x, grid))
        self.require(grid.dims[-1] == x.rank - 2, f"{x.rank - 2} coordinates", grid)
        if self.padding_mode not in ("zeros", "border", "reflection"):
            raise Unsupported(f"{self.describe()}: no padding mode is called {self.padding_mode!r}")
        return TensorType(x.dtype, (*x.dims[:2], *grid.dims[1:-1]))

    def run(self, x: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
        wide = torch.float32 if x.dtype in HALVES or not x.is_floating_point() else x.dtype
        axes = [self._taps(grid[..., x.ndim - 3 - i].to(wide), size) for i, size in enumerate(x.shape[2:])]
        return sum(gathered(x.to(wide), axes), torch.zeros((), dtype=wide)).to(x.dtype)

    def _taps(self, g: torch.Tensor, size: int) -> list[Tap]:
        x = (g + 1) / 2 * (size - 1) if self.align_corners else ((g + 1) * size - 1) / 2
        if self.mode == "nearest":
            x = torch.round(x)
        if self.padding_mode == "border":
            x = x.clamp(0, size - 1)
        elif self.padding_mode == "reflection":
            x = self._reflected(x, size)
        return axis_taps(x, self.mode, size, self._border)

    def _border(self, index: torch.Tensor, size: int) -> Tap:
        if self.padding_mode == "zeros":
            return zeros(index, size)
        if self.padding_mode == "reflection":
            index = self._reflected(index.double(), size).to(torch.int64)
        return index.clamp(0, size - 1), torch.ones_like(index, dtype=torch.bool)

    def _reflected(self, x: torch.Tensor, size: int) -> torch.Tensor:
        """Coordinates folded back at the ends until they lie inside."""
        low, high = (0.0, size - 1.0) if self.align_corners else (-0.5, size - 0.5)
        span = high - low
        if span == 0:
            return torch.zeros_like(x)
        distance = (x - low).abs()
        turns = torch.floor(distance / span)
        rest = distance - turns * span
        return torch.where(turns % 2 == 0, low + rest, high - rest)

    def channels(self, flow: Flow) -> Layout:
        flow.keep_spatial(self, self.x)
        for axis in range(1, self.grid.type.rank):
            flow.keep(self, self.grid, axis, "it says where to sample")
        spatial = [(Factor(d),) for d in self.type.dims[2:]]
        inside = [("x", i) for i in range(len(spatial))]
        where = [("grid", i) for i in range(1, self.grid.type.rank)]
        both = flow.einsum(self, [(self.x, ["n", "c", *inside]), (self.grid, ["n", *where])], "nc", read=False)
        return Layout((*both.axes, *spatial))

    @staticmethod
    def samples() -> Iterable[Op]:
        x, grid = value("x", 2, 3, 4, 5), value("grid", 2, 3, 6, 2)
        yield GridSample(x, grid)
        yield GridSample(x, grid, mode="nearest", padding_mode="border", align_corners=True)
        yield GridSample(x, grid, mode="cubic", padding_mode="reflection")
        yield GridSample(value("x", symbol("N"), 2, symbol("H"), 5), value("grid", symbol("N"), symbol("P"), 1, 2))
        yield GridSample(value("x", 1, 2, 3, 4, 5), value("grid", 1, 2, 3, 4, 3), padding_mode="reflection")
