"""What the pools share: fields, output type, padding, and sums over windows."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
import torch.nn.functional as F

from lissom.ir.channels.atoms import Factor, Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.families import windows
from lissom.ir.op import Op
from lissom.ir.types import TensorType
from lissom.ir.values import Value

HALVES = (torch.float16, torch.bfloat16)


def widened(x: torch.Tensor) -> torch.Tensor:
    """``x``, in float32 where it is a 16-bit float: sums over many elements need the room."""
    return x.float() if x.dtype in HALVES else x


class Pool(Op, abstract=True):
    """A function of each window of x (N, C, *), over 1 to 3 spatial axes."""

    x: Value
    kernel_shape: tuple[int, ...]
    strides: tuple[int, ...] = ()
    pads: tuple[int, ...] = ()
    dilations: tuple[int, ...] = ()
    auto_pad: str = "NOTSET"
    ceil_mode: bool = False

    def complete(self) -> dict[str, Any]:
        rank = windows.torch_rank(len(self.kernel_shape))
        self.require(self.x.type.rank == rank + 2, f"x of rank {rank + 2}", self.x.type)
        strides = windows.per_axis(self.strides, rank, 1)
        dilations = windows.per_axis(self.dilations, rank, 1)
        auto_pad, pads = windows.explicit_pads(
            self.auto_pad, self.pads, self.x.type.dims[2:], self.kernel_shape, strides, dilations
        )
        ceil_mode = self.ceil_mode and self.auto_pad == "NOTSET"
        return {
            "strides": strides,
            "dilations": dilations,
            "auto_pad": auto_pad,
            "pads": pads,
            "ceil_mode": ceil_mode,
        }

    def infer(self) -> TensorType | tuple[TensorType, ...]:
        n, c, *sizes = self.x.type.dims
        spatial = windows.output_sizes(
            self.auto_pad, self.pads, sizes, self.kernel_shape, self.strides, self.dilations, self.ceil_mode
        )
        self.require(all(not isinstance(d, int) or d > 0 for d in spatial), "a window that fits into x", self.x.type)
        return TensorType(self.x.type.dtype, (n, c, *spatial))

    def margins(self, x: torch.Tensor) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """``(begins, ends, overhang)``: the padding of each axis, and how far beyond it the last window reaches.

        The overhang is below zero where the last window stops short of the end.
        """
        rank = len(self.kernel_shape)
        auto_pad, pads = windows.explicit_pads(
            self.auto_pad, self.pads, x.shape[2:], self.kernel_shape, self.strides, self.dilations
        )
        counts = windows.output_sizes(
            auto_pad, pads, x.shape[2:], self.kernel_shape, self.strides, self.dilations, self.ceil_mode
        )
        overhang = tuple(
            (int(n) - 1) * s + windows.extent(k, d) - (size + pads[i] + pads[i + rank])  # type: ignore[arg-type]
            for i, (n, s, k, d, size) in enumerate(
                zip(counts, self.strides, self.kernel_shape, self.dilations, x.shape[2:], strict=True)
            )
        )
        return pads[:rank], pads[rank:], overhang

    def padded(self, x: torch.Tensor, fill: float) -> torch.Tensor:
        """``x`` with the elements around it that windows touch."""
        begins, ends, overhang = self.margins(x)
        over = [e + max(o, 0) for e, o in zip(ends, overhang, strict=True)]
        if not any((*begins, *over)):
            return x
        return F.pad(x, windows.torch_padding(begins, over), value=fill)

    def native(self, x: torch.Tensor) -> tuple[int, ...] | None:
        """The padding to give to torch's own pooling, where that does the same; else None."""
        begins, ends, _ = self.margins(x)
        # torch refuses padding beyond half the kernel, and in 3-D averages a kernel larger than x.
        fits = all(b <= k // 2 and k <= d for b, k, d in zip(begins, self.kernel_shape, x.shape[2:], strict=True))
        return begins if begins == ends and fits else None

    def window_sums(self, x: torch.Tensor) -> torch.Tensor:
        """The sum of each window, zeros around; 16-bit floats are summed in float32."""
        padded = self.padded(widened(x), 0.0)
        n, c, *sizes = padded.shape
        convolve = (F.conv1d, F.conv2d, F.conv3d)[len(sizes) - 1]
        ones = torch.ones((1, 1, *self.kernel_shape), dtype=padded.dtype)
        out = convolve(padded.reshape(n * c, 1, *sizes), ones, None, self.strides, 0, self.dilations)
        return out.reshape(n, c, *out.shape[2:])

    def macs(self) -> int:
        return self.type.size() * prod(self.kernel_shape)

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        spatial = [(Factor(d),) for d in self.type.dims[2:]]
        return Layout((*flow.keep_spatial(self, self.x).axes[:2], *spatial))


def in_window(count: int, kernel: int, stride: int, dilation: int, begin: int, low: int, high: int) -> torch.Tensor:
    """How many taps of each of ``count`` windows along one axis lie in ``[low, high)``, padded by ``begin``."""
    taps = torch.arange(count)[:, None] * stride - begin + torch.arange(kernel) * dilation
    return ((taps >= low) & (taps < high)).sum(1)


def outer(vectors: Sequence[torch.Tensor]) -> torch.Tensor:
    """The product over axes: ``out[i, j, ...] = vectors[0][i] * vectors[1][j] * ...``."""
    out = torch.ones((), dtype=vectors[0].dtype)
    for v in vectors:
        out = out[..., None] * v
    return out


class GlobalPool(Op, abstract=True):
    """A function of all spatial elements of each channel: x (N, C, *) to (N, C, 1, ...)."""

    x: Value

    @property
    def spatial(self) -> tuple[int, ...]:
        """The axes that are pooled over."""
        return tuple(range(2, self.x.type.rank))

    def infer(self) -> TensorType:
        n, c, *sizes = self.x.type.dims
        return TensorType(self.x.type.dtype, (n, c, *[1] * len(sizes)))

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        spatial = [(Factor(d),) for d in self.type.dims[2:]]
        return Layout((*flow.keep_spatial(self, self.x, "it is pooled over").axes[:2], *spatial))
