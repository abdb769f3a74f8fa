from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir import dims
from lissom.ir.channels.atoms import Layout, Unaligned
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import divides, symbol
from lissom.ir.families.bits import by_bits
from lissom.ir.op import Op
from lissom.ir.samples import value
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class DepthToSpace(Op):
    """Channels to pixels: (N, C*s*s, H, W) to (N, C, H*s, W*s), s = ``blocksize``.

    ``mode`` DCR takes the input channels as (s, s, C), CRD as (C, s, s); CRD is the pixel shuffle of PyTorch.
    """

    input: Value
    blocksize: int
    mode: str = "DCR"

    def infer(self) -> TensorType:
        x = self.input.type
        self.require(x.rank == 4, "an input of rank 4", x)
        self.require(self.mode in ("DCR", "CRD"), "mode DCR or CRD", self.mode)
        n, c, h, w = x.dims
        s = self.blocksize
        channels = divides(c, s * s) if isinstance(c, int) else c // (s * s)
        self.require(channels is not None, f"a multiple of {s * s} channels", c)
        assert channels is not None
        return TensorType(x.dtype, (n, channels, h * s, w * s))

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return by_bits(self._move, x)

    def _move(self, x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        s = self.blocksize
        c //= s * s
        if self.mode == "DCR":
            blocks = x.reshape(n, s, s, c, h, w).permute(0, 3, 4, 1, 5, 2)
        else:
            blocks = x.reshape(n, c, s, s, h, w).permute(0, 1, 4, 2, 5, 3)
        return blocks.reshape(n, c, h * s, w * s)

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        n, c, h, w = self.input.type.dims
        b = self.blocksize
        try:
            x = flow.of(self.input)
            if self.mode == "CRD":
                x = x.reshape((n, dims.floordiv(c, b * b), b, b, h, w)).permute((0, 1, 4, 2, 5, 3))
            else:
                x = x.reshape((n, b, b, dims.floordiv(c, b * b), h, w)).permute((0, 3, 4, 1, 5, 2))
            for axis in (3, 5):
                x = flow.keep_size(self, x, axis, "it becomes space")
            return x.reshape(self.type.dims)
        except Unaligned:
            return flow.opaque(self, "it cuts across the factors of its axes")

    @staticmethod
    def samples() -> Iterable[Op]:
        yield DepthToSpace(value("x", 2, 8, 3, 2), 2)
        yield DepthToSpace(value("x", 2, 8, 3, 2), 2, mode="CRD")
        yield DepthToSpace(value("x", symbol("N"), 9, symbol("H"), 4), 3)
        yield DepthToSpace(value("x", 1, 4, 2, 3, dtype=DType.uint8), 2, mode="CRD")
