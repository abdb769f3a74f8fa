from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

from lissom.ir import dims
from lissom.ir.channels.atoms import Layout, Unaligned
from lissom.ir.channels.flow import Flow
from lissom.ir.channels.kept import Kept
from lissom.ir.dims import symbol
from lissom.ir.op import Op
from lissom.ir.samples import literal, value, weight
from lissom.ir.types import TensorType
from lissom.ir.values import Value


class RotaryEmbedding(Op):
    """Each pair (a, b) of a head's features turned by its position's angle: (a cos - b sin, a sin + b cos).

    Shapes: x (N, heads, T, D), or (N, T, heads * D) with ``num_heads``; cos_cache and sin_cache (positions, R/2) with
    position_ids (N, T), else (N, T, R/2). The first R = ``rotary_embedding_dim`` features (all for 0) are turned; pairs
    are neighbours when ``interleaved``, else the two halves. Su et al., RoFormer, 2021.
    """

    x: Value
    cos_cache: Value
    sin_cache: Value
    position_ids: Value | None = None
    interleaved: bool = False
    rotary_embedding_dim: int = 0
    num_heads: int = 0

    def infer(self) -> TensorType:
        x = self.x.type
        self.require(x.rank == 4 or (x.rank == 3 and self.num_heads > 0), "x of rank 4, or 3 with num_heads", x)
        rank = 3 if self.position_ids is None else 2
        for cache in (self.cos_cache, self.sin_cache):
            self.require(cache.type.rank == rank, f"caches of rank {rank}", cache.type)
        return x

    def run(
        self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, position_ids: torch.Tensor | None = None
    ) -> torch.Tensor:
        heads = x.transpose(1, 2) if x.ndim == 4 else x.reshape(*x.shape[:2], self.num_heads, -1)
        if position_ids is not None:
            cos, sin = cos[position_ids], sin[position_ids]
        cos, sin = cos[:, :, None], sin[:, :, None]
        turned = self.rotary_embedding_dim or heads.shape[-1]
        features, rest = heads[..., :turned], heads[..., turned:]
        if self.interleaved:
            a, b = features[..., 0::2], features[..., 1::2]
        else:
            a, b = features.chunk(2, dim=-1)
        pair = (a * cos - b * sin, a * sin + b * cos)
        features = torch.stack(pair, -1).flatten(-2) if self.interleaved else torch.cat(pair, -1)
        y = torch.cat((features, rest), -1)
        return y.transpose(1, 2) if x.ndim == 4 else y.reshape(x.shape)

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        for v in self.operands[1:]:
            flow.freeze(v, self, "it says how pairs are turned")
        try:
            layout = self._split(flow.of(self.x))
            for axis in (0, 2 if self.x.type.rank == 4 else 1, 3):
                layout = flow.keep_size(self, layout, axis, "its pairs turn by their positions")
            return layout.reshape(self.type.dims)
        except Unaligned:
            return flow.opaque(self, "its heads cut across the factors of its channels")

    def _split(self, layout: Layout) -> Layout:
        if layout.rank == 4:
            return layout
        n, t, size = layout.shape
        return layout.reshape((n, t, self.num_heads, dims.floordiv(size, self.num_heads)))

    def resized(self, operands: Mapping[Value, Value], kept: Kept) -> Op:
        if not self.num_heads:
            return self._on(operands)
        return self._on(operands, num_heads=kept.size_of(self._split(kept.layouts[self.x]), 2))

    @staticmethod
    def samples() -> Iterable[Op]:
        n, t = symbol("N"), symbol("T")
        yield RotaryEmbedding(value("x", 2, 3, 4, 8), value("cos", 2, 4, 4), value("sin", 2, 4, 4))
        yield RotaryEmbedding(value("x", 2, 3, 4, 8), value("cos", 2, 4, 4), value("sin", 2, 4, 4), interleaved=True)
        yield RotaryEmbedding(value("x", n, t, 16), value("cos", n, t, 4), value("sin", n, t, 4), num_heads=2)
        yield RotaryEmbedding(
            value("x", 2, 3, 2, 8),
            weight("cos", 5, 2),
            weight("sin", 5, 2),
            literal("positions", [[0, 4], [3, 1]]),
            rotary_embedding_dim=4,
        )
