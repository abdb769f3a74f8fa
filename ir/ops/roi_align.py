from __future__ import annotations

from collections.abc import Iterable
from math import ceil

import torch

from lissom.ir.channels.atoms import Factor, Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.errors import Unsupported
from lissom.ir.families.pooling import widened
from lissom.ir.families.sampling import Tap, axis_taps, gathered
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import TensorType
from lissom.ir.values import Value


class RoiAlign(Op):
    """Each region (x1, y1, x2, y2) of an image as ``output_height`` by ``output_width`` bins, sampled bilinearly.

    Shapes: x (N, C, H, W), rois (R, 4), batch_indices (R), result (R, C, output_height, output_width). A bin is the
    mean of its samples for ``mode`` avg; for max the largest product of element and weight, as in onnxruntime. There
    are ``sampling_ratio`` samples a side, or for 0 as many as the bin is large. He et al., Mask R-CNN, 2017.
    """

    x: Value
    rois: Value
    batch_indices: Value
    coordinate_transformation_mode: str = "half_pixel"
    mode: str = "avg"
    output_height: int = 1
    output_width: int = 1
    sampling_ratio: int = 0
    spatial_scale: float = 1.0

    def infer(self) -> TensorType:
        x, rois = self.x.type, self.rois.type
        self.require(x.rank == 4, "x of rank 4", x)
        self.require(rois.rank == 2 and rois.dims[1] == 4, "rois of shape (R, 4)", rois)
        if self.mode not in ("avg", "max"):
            raise Unsupported(f"{self.describe()}: no mode is called {self.mode!r}; there are avg and max")
        return TensorType(x.dtype, (rois.dims[0], x.dims[1], self.output_height, self.output_width))

    def run(self, x: torch.Tensor, rois: torch.Tensor, batch_indices: torch.Tensor) -> torch.Tensor:
        wide = widened(x)
        shift = 0.5 if self.coordinate_transformation_mode == "half_pixel" else 0.0
        edges = rois.to(wide.dtype) * self.spatial_scale - shift
        bins = [self._bins(wide[b : b + 1], roi, shift) for b, roi in zip(batch_indices.tolist(), edges, strict=True)]
        return torch.cat(bins).to(x.dtype) if bins else x.new_zeros((0, *self._bin_shape(x)))

    def _bin_shape(self, x: torch.Tensor) -> tuple[int, int, int]:
        return x.shape[1], self.output_height, self.output_width

    def _bins(self, image: torch.Tensor, roi: torch.Tensor, shift: float) -> torch.Tensor:
        """The bins of one region of one image (1, C, H, W)."""
        x1, y1, x2, y2 = roi
        rows = self._samples(y1, y2, self.output_height, shift)
        columns = self._samples(x1, x2, self.output_width, shift)
        grid = (1, len(rows), len(columns))
        axes = [
            _inside(rows[None, :, None].expand(grid), image.shape[2]),
            _inside(columns[None, None, :].expand(grid), image.shape[3]),
        ]
        parts = torch.stack(list(gathered(image, axes)))
        shape = (1, image.shape[1], self.output_height, -1, self.output_width, len(columns) // self.output_width)
        if self.mode == "max":
            return parts.amax(0).reshape(shape).amax((3, 5))
        return parts.sum(0).reshape(shape).mean((3, 5))

    def _samples(self, low: torch.Tensor, high: torch.Tensor, bins: int, shift: float) -> torch.Tensor:
        """Coordinates of the samples along one axis, bin by bin."""
        size = high - low if shift else (high - low).clamp(min=1.0)
        each = self.sampling_ratio or max(ceil(float(size.detach()) / bins), 1)
        return low + (torch.arange(bins * each, dtype=low.dtype) + 0.5) * size / (bins * each)

    def channels(self, flow: Flow) -> Layout:
        x = flow.keep(self, self.x, (0, 2, 3), "regions of it are taken")
        flow.freeze(self.rois, self, "it says where the regions are")
        rows, _, *bins = self.type.dims
        return Layout(((Factor(rows),), x.axes[1], *((Factor(d),) for d in bins)))

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 2, 3, 8, 9)
        rois = literal("rois", [[0.5, 1, 6, 7], [2, 0, 8.5, 3], [-3, 2, 4, 12]], x.type.dtype)
        batch = literal("batch", [0, 1, 1])
        yield RoiAlign(x, rois, batch, output_height=3, output_width=2, sampling_ratio=2)
        yield RoiAlign(x, rois, batch, "output_half_pixel", output_height=2, output_width=2, spatial_scale=0.5)
        yield RoiAlign(x, rois, batch, mode="max", output_height=2, output_width=4, sampling_ratio=1)
        yield RoiAlign(value("x", 2, symbol("C"), 8, symbol("W")), rois, batch, output_height=2, output_width=2)


def _inside(x: torch.Tensor, size: int) -> list[Tap]:
    """Linear taps that stop at the ends; a sample more than one element outside weighs nothing."""
    counts = (x >= -1) & (x <= size)

    def border(index: torch.Tensor, size: int) -> Tap:
        return index.clamp(0, size - 1), counts

    return axis_taps(x.clamp(0, size - 1), "linear", size, border)
