from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from lissom.ir.channels.atoms import Layout, Unaligned
from lissom.ir.channels.flow import Flow, Term
from lissom.ir.channels.kept import Kept
from lissom.ir.dims import Dim, floordiv, symbol
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class Attention(Op):
    """y = softmax(softcap(scale * q @ k^T) + bias) @ v for each head; Vaswani et al., 2017.

    Shapes: q (N, H, T, D), k (N, K, S, D), v (N, K, S, E), y (N, H, T, E); or rank 3 with heads side by side in the
    last axis, (N, T, H*D) and so on, then ``q_num_heads`` and ``kv_num_heads`` are given. K divides H.
    ``past_key`` (N, K, P, D) and ``past_value`` (N, K, P, E) come before k and v; query i stands at key position
    i + offset, offset = P, or nonpad_kv_seqlen[n] - T where a cache is kept outside. The bias is attn_mask (bool: may
    attend; float: added; broadcast to (N, H, T, P+S), filled up as masked) and -inf where ``is_causal`` or the window
    sizes (-1: none) hide a key. A query that may attend no key gives zeros.

    Results, as many as ``results_used``: y, k and v with the past, and, as ``qk_matmul_output_mode`` says, 0 the scaled
    products, 1 after softcap, 2 after the bias, 3 the probabilities.
    """

    q: Value
    k: Value
    v: Value
    attn_mask: Value | None = None
    past_key: Value | None = None
    past_value: Value | None = None
    nonpad_kv_seqlen: Value | None = None
    is_causal: bool = False
    scale: float | None = None
    softcap: float = 0.0
    q_num_heads: int | None = None
    kv_num_heads: int | None = None
    softmax_precision: DType | None = None
    qk_matmul_output_mode: int = 0
    left_window_size: int = -1
    right_window_size: int = -1
    results_used: int = 1

    def infer(self) -> tuple[TensorType, ...]:
        q, k, v = (self._split_type(o, h) for o, h in self._heads())
        n, heads, t, _ = q
        _, kv_heads, s, d = k
        self.require((self.past_key is None) == (self.past_value is None), "past_key and past_value together", "one")
        if isinstance(heads, int) and isinstance(kv_heads, int):
            self.require(heads % kv_heads == 0, f"query heads in {kv_heads} groups", heads)
        if self.past_key is not None:
            s = s + self.past_key.type.dims[2]
        y = (n, heads, t, v[3]) if self.q.type.rank == 4 else (n, t, heads * v[3])
        dtype = self.q.type.dtype
        return (
            TensorType(dtype, y),
            TensorType(self.k.type.dtype, (n, kv_heads, s, d)),
            TensorType(self.v.type.dtype, (n, kv_heads, s, v[3])),
            TensorType(dtype, (n, heads, t, s)),
        )[: self.results_used]

    def _heads(self) -> tuple[tuple[Value, int | None], ...]:
        return (self.q, self.q_num_heads), (self.k, self.kv_num_heads), (self.v, self.kv_num_heads)

    def _split_type(self, operand: Value, heads: int | None) -> tuple[Dim, Dim, Dim, Dim]:
        """The shape (N, heads, T, D) of an operand."""
        shape = operand.type.dims
        self.require(len(shape) == self.q.type.rank and len(shape) in (3, 4), "q, k, v of rank 3 or 4", operand.type)
        if len(shape) == 4:
            return shape[0], shape[1], shape[2], shape[3]
        self.require(bool(heads), "q_num_heads and kv_num_heads for operands of rank 3", heads)
        assert heads
        self.require(not isinstance(shape[2], int) or shape[2] % heads == 0, f"features for {heads} heads", shape[2])
        return shape[0], heads, shape[1], shape[2] // heads

    def run(
        self,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        past_key: torch.Tensor | None = None,
        past_value: torch.Tensor | None = None,
        nonpad_kv_seqlen: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, ...]:
        flat = q.ndim == 3
        if flat:
            q, k, v = (
                x.reshape(*x.shape[:2], heads or 1, -1).transpose(1, 2)
                for x, (_, heads) in zip((q, k, v), self._heads(), strict=True)
            )
        offset: Any = 0
        if past_key is not None and past_value is not None:
            k, v = torch.cat((past_key, k), 2), torch.cat((past_value, v), 2)
            offset = past_key.shape[2]
        elif nonpad_kv_seqlen is not None:
            offset = nonpad_kv_seqlen.reshape(-1, 1, 1, 1) - q.shape[2]
        groups = q.shape[1] // k.shape[1]
        keys, values = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)

        root = (q.shape[3] ** -0.5 if self.scale is None else self.scale) ** 0.5
        scores = torch.matmul(q * root, keys.transpose(2, 3) * root)
        seen = [scores]
        if self.softcap > 0:
            scores = self.softcap * torch.tanh(scores / self.softcap)
        seen.append(scores)
        hidden = self._hidden(q.shape[2], keys.shape[2], offset, nonpad_kv_seqlen)
        if attn_mask is not None:
            hidden, scores = self._masked(attn_mask, hidden, scores)
        biased = scores.masked_fill(hidden, float("-inf"))
        seen.append(biased)
        wide = biased if self.softmax_precision is None else biased.to(self.softmax_precision.torch)
        nothing = hidden.all(-1, keepdim=True)
        probabilities = torch.softmax(wide.masked_fill(nothing, 0.0), -1).masked_fill(nothing, 0.0).to(q.dtype)
        seen.append(probabilities)
        y = torch.matmul(probabilities, values)
        if flat:
            y = y.transpose(1, 2).flatten(2)
        return (y, k, v, seen[self.qk_matmul_output_mode])[: self.results_used]

    def _hidden(self, queries: int, keys: int, offset: Any, filled: torch.Tensor | None) -> torch.Tensor:
        """True where causality, the window or an unfilled cache hides a key: (N or 1, 1, T or 1, S)."""
        key = torch.arange(keys)
        ahead = key - (torch.arange(queries)[:, None] + offset)
        hidden = torch.zeros((1, 1, 1, keys), dtype=torch.bool)
        if self.is_causal:
            hidden = hidden | (ahead > 0)
        if self.left_window_size >= 0:
            hidden = hidden | (-ahead > self.left_window_size)
        if self.right_window_size >= 0:
            hidden = hidden | (ahead > self.right_window_size)
        if filled is not None:
            hidden = hidden | (key >= filled.reshape(-1, 1, 1, 1))
        return hidden

    @staticmethod
    def _masked(mask: torch.Tensor, hidden: torch.Tensor, scores: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """``hidden`` and ``scores`` with attn_mask applied; keys beyond a short mask are hidden."""
        missing = scores.shape[3] - mask.shape[-1]
        if mask.dtype is torch.bool:
            shut = torch.nn.functional.pad(~mask, (0, missing), value=True)
        else:
            mask = torch.nn.functional.pad(mask, (0, missing), value=float("-inf"))
            shut = mask == float("-inf")
            scores = scores + mask.masked_fill(shut, 0.0)
        return hidden | shut, scores

    def macs(self) -> int:
        _, heads, t, d = self._split_type(*self._heads()[0])
        _, _, s, e = self._split_type(*self._heads()[2])
        if self.past_key is not None:
            s = s + self.past_key.type.dims[2]
        sizes = TensorType(DType.float32, (self.q.type.dims[0], heads, t, s, d + e))
        return sizes.size()

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        if self.past_key is not None or self.nonpad_kv_seqlen is not None or self.results_used > 1:
            return flow.opaque(self, "a cache of keys and values, or its inner results, are read from outside")
        try:
            q, k, v = (self._in_groups(flow.of(o), h) for o, h in self._heads())
            terms: list[Term] = [(self.q, "nKgtd"), (self.k, "nKosd")]
            layouts = [q, k]
            if self.attn_mask is not None:
                terms.append((self.attn_mask, [None if d == 1 else name for name, d in self._named_mask()]))
                layouts.append(flow.of(self.attn_mask).reshape(tuple(d for _, d in self._named_mask())))
            for value, axis in ((q, 3), (k, 3), (v, 3)):
                flow.keep_size(self, value, axis, "attention is over it")
            scores = flow.einsum(self, terms, "nKgts", layouts)
            y = flow.einsum(self, [(self.q, "nKgts"), (self.v, "nKose")], "nKgte", [scores, v])
            if self.q.type.rank == 3:
                y = y.permute((0, 3, 1, 2, 4))
            return y.reshape(self.type.dims)
        except Unaligned:
            return flow.opaque(self, "its heads cut across the factors of its channels")

    def _groups(self) -> int:
        """How many heads of queries share one of keys and values."""
        (_, heads, *_), (_, kv_heads, *_) = (self._split_type(o, h) for o, h in self._heads()[:2])
        return heads // kv_heads if isinstance(heads, int) and isinstance(kv_heads, int) else 1

    def _in_groups(self, layout: Layout, heads: int | None) -> Layout:
        """(N, K, heads of a group, T, D) of an operand: one head a group for keys and values."""
        if layout.rank == 3:
            n, t, size = layout.shape
            assert heads is not None
            layout = layout.reshape((n, t, heads, floordiv(size, heads))).permute((0, 2, 1, 3))
        n, count, t, d = layout.shape
        _, (_, kv_heads, *_) = (self._split_type(o, h) for o, h in self._heads()[:2])
        return layout.reshape((n, kv_heads, floordiv(count, kv_heads), t, d))

    def _named_mask(self) -> list[tuple[str, Dim]]:
        """The axes of attn_mask, (N, K, heads of a group, T, S), from the back."""
        assert self.attn_mask is not None
        sizes = list(self.attn_mask.type.dims)
        if len(sizes) > 2:
            groups = self._groups() if sizes[-3] != 1 else 1
            sizes[-3:-2] = [floordiv(sizes[-3], groups), groups]
        return list(zip("nKgts"[-len(sizes) :], sizes, strict=True))

    def resized(self, operands: Mapping[Value, Value], kept: Kept) -> Op:
        layouts = [self._in_groups(kept.layouts[o], h) for o, h in self._heads()[:2]]
        heads, kv_heads = (kept.size_of(x, 1) * kept.size_of(x, 2) for x in layouts)
        width, before = kept.size_of(layouts[0], 4), layouts[0].size(4)
        changes: dict[str, Any] = {}
        if self.q.type.rank == 3:
            changes = {"q_num_heads": heads, "kv_num_heads": kv_heads}
        if self.scale is None and width != before and isinstance(before, int):
            changes["scale"] = before**-0.5  # what it was for the old width
        return self._on(operands, **changes)

    @staticmethod
    def samples() -> Iterable[Op]:
        n, t = symbol("N"), symbol("T")
        q, k, v = value("q", 2, 4, 3, 8), value("k", 2, 2, 5, 8), value("v", 2, 2, 5, 6)
        yield Attention(q, value("k", 2, 4, 5, 8), value("v", 2, 4, 5, 8))
        yield Attention(q, k, v, value("mask", 3, 5, dtype=DType.bool), results_used=4, qk_matmul_output_mode=3)
        x = value("x", n, t, 12)
        yield Attention(x, x, x, is_causal=True, q_num_heads=3, kv_num_heads=3, scale=0.3)
        yield Attention(
            value("q", 2, 3, 8),
            value("k", 2, 3, 4),
            value("v", 2, 3, 4),
            value("mask", 2, 1, 3, 5),
            value("past_key", 2, 1, 2, 4),
            value("past_value", 2, 1, 2, 4),
            is_causal=True,
            softcap=2.0,
            q_num_heads=2,
            kv_num_heads=1,
            results_used=3,
        )
        yield Attention(q, k, v, None, None, None, literal("filled", [4, 2]), is_causal=True, left_window_size=1)
        half = DType.float16
        x, y = value("q", 1, 2, 3, 4, dtype=half), value("k", 1, 2, 3, 4, dtype=half)
        yield Attention(x, y, y, softmax_precision=DType.float32, right_window_size=1)
