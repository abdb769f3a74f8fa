from __future__ import annotations

from collections.abc import Iterable
from math import prod

import torch

from lissom.ir.contents import elements, integers
from lissom.ir.dims import Dim, symbol
from lissom.ir.errors import Unsupported
from lissom.ir.families import windows
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Value


class Col2Im(Op):
    """Columns of window contents summed back into the image they were cut from; PyTorch's fold, over any axes.

    Shapes: input (N, C * prod(block_shape), L) to (N, C, *image_shape); L windows in row-major order.
    """

    frozen = "its channels hold the places of a window, which it needs all of"

    input: Value
    image_shape: Value
    block_shape: Value
    strides: tuple[int, ...] = ()
    pads: tuple[int, ...] = ()
    dilations: tuple[int, ...] = ()

    def infer(self) -> TensorType:
        x = self.input.type
        self.require(x.rank == 3, "an input of rank 3", x)
        block, image = integers(self.block_shape), elements(self.image_shape)
        rank = len(block or image or ()) or self.image_shape.type.size()
        if self.image_shape.type.static is None and not block and not image:
            raise Unsupported(f"{self.describe()}: the rank of the image is not known")
        n, c, _ = x.dims
        channels: Dim = c // prod(block) if block is not None else unknown_size(self, 1)
        sizes = image if image is not None else tuple(unknown_size(self, i + 2) for i in range(rank))
        return TensorType(x.dtype, (n, channels, *sizes))

    def run(self, x: torch.Tensor, image_shape: torch.Tensor, block_shape: torch.Tensor) -> torch.Tensor:
        image, block = image_shape.tolist(), block_shape.tolist()
        rank = len(image)
        strides = windows.per_axis(self.strides, rank, 1)
        dilations = windows.per_axis(self.dilations, rank, 1)
        pads = self.pads or (0,) * 2 * rank
        counts = [
            int(n)  # type: ignore[arg-type]  # the sizes are numbers here
            for n in windows.output_sizes("NOTSET", pads, image, block, strides, dilations)
        ]
        padded = [size + pads[i] + pads[i + rank] for i, size in enumerate(image)]
        place = torch.zeros((), dtype=torch.int64)
        for i in range(rank):  # axes of place: block axes first, then window axes
            along = torch.arange(block[i])[:, None] * dilations[i] + torch.arange(counts[i]) * strides[i]
            shape = [1] * 2 * rank
            shape[i], shape[i + rank] = block[i], counts[i]
            place = place * padded[i] + along.reshape(shape)
        n = x.shape[0]
        channels = x.shape[1] // prod(block)
        out = torch.zeros((n, channels, prod(padded)), dtype=x.dtype)
        out = out.index_add(2, place.reshape(-1), x.reshape(n, channels, -1)).reshape(n, channels, *padded)
        for i, size in enumerate(image):
            out = out.narrow(i + 2, pads[i], size)
        return out

    @staticmethod
    def samples() -> Iterable[Op]:
        yield Col2Im(value("x", 2, 12, 12), literal("image", [5, 4]), literal("block", [2, 2]))
        yield Col2Im(
            value("x", symbol("N"), 18, 6),
            literal("image", [5, 4]),
            literal("block", [3, 3]),
            strides=(2, 2),
            pads=(1, 1, 1, 1),
        )
        yield Col2Im(
            value("x", 1, 4, 10),
            literal("image", [7, 4]),
            literal("block", [2, 2]),
            dilations=(2, 3),
            pads=(0, 0, 0, 1),
        )
