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


class SpaceToDepth(Op):
    """Pixels to channels: (N, C, H*s, W*s) to (N, C*s*s, H, W), s = ``blocksize``; the inverse of DepthToSpace.

    ``mode`` DCR gives the output channels as (s, s, C), CRD as (C, s, s).
    """

    input: Value
    blocksize: int
    mode: str = "DCR"

    def infer(self) -> TensorType:
        x = self.input.type
        self.require(x.rank == 4, "an input of rank 4", x)
        self.require(self.mode in ("DCR", "CRD"), "mode DCR or CRD", self.mode)
        n, c, *sizes = x.dims
        s = self.blocksize
        fits = all(not isinstance(d, int) or divides(d, s) is not None for d in sizes)
        self.require(fits, f"spatial sizes that are multiples of {s}", x)
        return TensorType(x.dtype, (n, c * s * s, *(d // s for d in sizes)))

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return by_bits(self._move, x)

    def _move(self, x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        s = self.blocksize
        blocks = x.reshape(n, c, h // s, s, w // s, s)
        order = (0, 3, 5, 1, 2, 4) if self.mode == "DCR" else (0, 1, 3, 5, 2, 4)
        return blocks.permute(order).reshape(n, c * s * s, h // s, w // s)

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        n, c, h, w = self.input.type.dims
        b = self.blocksize
        try:
            x = flow.of(self.input).reshape((n, c, dims.floordiv(h, b), b, dims.floordiv(w, b), b))
            for axis in (3, 5):
                x = flow.keep_size(self, x, axis, "it becomes channels")
            return x.permute((0, 1, 3, 5, 2, 4) if self.mode == "CRD" else (0, 3, 5, 1, 2, 4)).reshape(self.type.dims)
        except Unaligned:
            return flow.opaque(self, "it cuts across the factors of its axes")

    @staticmethod
    def samples() -> Iterable[Op]:
        yield SpaceToDepth(value("x", 2, 3, 4, 6), 2)
        yield SpaceToDepth(value("x", 2, 3, 4, 6), 2, mode="CRD")
        yield SpaceToDepth(value("x", symbol("N"), 2, symbol("H") * 3, 6), 3)
        yield SpaceToDepth(value("x", 1, 1, 2, 4, dtype=DType.int64), 2)
