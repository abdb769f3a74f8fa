from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

import torch

from lissom.ir.dims import symbol
from lissom.ir.families import windows
from lissom.ir.families.pooling import widened
from lissom.ir.families.sampling import axis_taps, gathered, zeros
from lissom.ir.op import Op
from lissom.ir.samples import value, weight
from lissom.ir.types import TensorType
from lissom.ir.values import Value


class DeformConv(Op):
    """A Conv whose taps are moved by ``offset`` and scaled by ``mask``; x is read between its elements.

    Shapes: x (N, C, *), w (O, C/group, *), offset (N, offset_group * taps * r, *out), the r coordinates of a tap next
    to each other, mask (N, offset_group * taps, *out), b (O). Zeros lie outside x. Zhu et al., Deformable ConvNets v2,
    2019.
    """

    x: Value
    w: Value
    offset: Value
    b: Value | None = None
    mask: Value | None = None
    strides: tuple[int, ...] = ()
    pads: tuple[int, ...] = ()
    dilations: tuple[int, ...] = ()
    group: int = 1
    offset_group: int = 1

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """Spatial sizes of the kernel."""
        sizes = self.w.type.dims[2:]
        self.require(all(isinstance(k, int) for k in sizes), "a kernel of known size", self.w.type)
        return tuple(k for k in sizes if isinstance(k, int))

    def complete(self) -> dict[str, Any]:
        self.require(self.x.type.rank == self.w.type.rank >= 3, "x and w of equal rank", (self.x.type, self.w.type))
        rank = self.x.type.rank - 2
        return {
            "strides": windows.per_axis(self.strides, rank, 1),
            "dilations": windows.per_axis(self.dilations, rank, 1),
            "pads": windows.per_axis(self.pads, 2 * rank, 0),
        }

    def infer(self) -> TensorType:
        n, _, *sizes = self.x.type.dims
        spatial = windows.output_sizes("NOTSET", self.pads, sizes, self.kernel_shape, self.strides, self.dilations)
        taps = prod(self.kernel_shape)
        channels = self.offset.type.dims[1]
        expected = self.offset_group * taps * len(sizes)
        self.require(channels == expected or not isinstance(channels, int), f"{expected} offsets", channels)
        return TensorType(self.x.type.dtype, (n, self.w.type.dims[0], *spatial))

    def run(
        self,
        x: torch.Tensor,
        w: torch.Tensor,
        offset: torch.Tensor,
        b: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        n, c, *sizes = x.shape
        rank, out, kernel = len(sizes), offset.shape[2:], w.shape[2:]
        taps = prod(kernel)
        images = widened(x).reshape(n * self.offset_group, c // self.offset_group, *sizes)
        moved = widened(offset).reshape(n * self.offset_group, taps, rank, *out)
        axes = []
        for i, size in enumerate(sizes):
            tap = torch.arange(kernel[i], dtype=images.dtype) * self.dilations[i] - self.pads[i]
            tap = tap.reshape([-1 if j == i else 1 for j in range(rank)]).expand(kernel).reshape(-1, *[1] * rank)
            base = torch.arange(out[i], dtype=images.dtype) * self.strides[i]
            where = tap + base.reshape([-1 if j == i else 1 for j in range(rank)]) + moved[:, :, i]
            axes.append(axis_taps(where, "linear", size, zeros))
        read = sum(gathered(images, axes), torch.zeros((), dtype=images.dtype))
        if mask is not None:
            read = read * widened(mask).reshape(n * self.offset_group, 1, taps, *out)
        columns = read.reshape(n, self.group, c // self.group * taps, prod(out))
        kernels = w.to(images.dtype).reshape(self.group, len(w) // self.group, -1)
        y = torch.matmul(kernels, columns).reshape(n, len(w), *out)
        return (y if b is None else y + b.reshape(-1, *[1] * rank)).to(x.dtype)

    def macs(self) -> int:
        per_output = self.w.type.dims[1]
        assert isinstance(per_output, int)
        return self.type.size() * per_output * prod(self.kernel_shape)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 2, 4, 5, 6)
        yield DeformConv(x, weight("w", 3, 4, 2, 2), value("offset", 2, 8, 4, 5))
        yield DeformConv(
            x,
            weight("w", 4, 2, 3, 3),
            value("offset", 2, 36, 3, 3),
            weight("b", 4),
            value("mask", 2, 18, 3, 3),
            strides=(2, 2),
            pads=(1, 1, 1, 1),
            group=2,
            offset_group=2,
        )
        n = symbol("N")
        yield DeformConv(value("x", n, 1, 5, 5), weight("w", 1, 1, 2, 2), value("offset", n, 8, 3, 3), dilations=(2, 2))
