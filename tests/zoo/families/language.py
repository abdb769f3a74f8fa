"""Sequence models on token numbers: decoders with tied embeddings, rotary positions, grouped queries; BERT."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from zoo.entry import Net, net
from zoo.families.vision_transformers import Block, SeparateAttention

VOCABULARY, LENGTH = 64, 12


def tokens(length: int = LENGTH) -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (2, length))


class CausalAttention(nn.Module):
    """GPT-2's: a fused projection that is split, a mask buffer, masked_fill."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.width = heads, width
        self.attend, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.register_buffer("mask", torch.tril(torch.ones(LENGTH, LENGTH)).view(1, 1, LENGTH, LENGTH))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, t, c = x.shape
        q, k, v = self.attend(x).split(self.width, dim=2)
        q, k, v = (y.view(n, t, self.heads, c // self.heads).transpose(1, 2) for y in (q, k, v))
        scores = (q @ k.transpose(-2, -1)) * (c // self.heads) ** -0.5
        scores = scores.masked_fill(self.mask[:, :, :t, :t] == 0, float("-inf"))
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).contiguous().view(n, t, c))


class Gpt(nn.Module):
    """The output projection is the token embedding."""

    def __init__(self, width: int = 64, heads: int = 4) -> None:
        super().__init__()
        self.token, self.position = nn.Embedding(VOCABULARY, width), nn.Embedding(LENGTH, width)
        self.blocks = nn.Sequential(*(Block(width, CausalAttention(width, heads), 4 * width) for _ in range(2)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, VOCABULARY, bias=False)
        self.head.weight = self.token.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.token(ids) + self.position(torch.arange(ids.shape[1]))
        return self.head(self.norm(self.blocks(x)))


@net()
def gpt_tied() -> Net:
    return Gpt(), (tokens(),)


class RmsNorm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)


def turned(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary positions: the two halves of each head turned."""
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat((-b, a), -1) * sin


class GroupedQueryAttention(nn.Module):
    """Fewer key and value heads than query heads, repeated; rotary positions; norms of queries and keys."""

    def __init__(self, width: int, heads: int, kv_heads: int, rope: bool, normed: bool) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.each = heads, kv_heads, width // heads
        self.q, self.o = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.k, self.v = (nn.Linear(width, kv_heads * self.each, bias=False) for _ in range(2))
        self.q_norm = RmsNorm(self.each) if normed else nn.Identity()
        self.k_norm = RmsNorm(self.each) if normed else nn.Identity()
        angle = torch.arange(LENGTH)[:, None] * 100.0 ** (-torch.arange(0, self.each, 2) / self.each)
        angle = torch.cat((angle, angle), -1)
        self.register_buffer("cos", angle.cos() if rope else None)
        self.register_buffer("sin", angle.sin() if rope else None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, t, _ = x.shape
        q = self.q_norm(self.q(x).view(n, t, self.heads, self.each)).transpose(1, 2)
        k = self.k_norm(self.k(x).view(n, t, self.kv_heads, self.each)).transpose(1, 2)
        v = self.v(x).view(n, t, self.kv_heads, self.each).transpose(1, 2)
        if self.cos is not None:
            q, k = turned(q, self.cos, self.sin), turned(k, self.cos, self.sin)
        groups = self.heads // self.kv_heads
        k, v = (
            y[:, :, None].expand(n, self.kv_heads, groups, t, self.each).reshape(n, self.heads, t, self.each)
            for y in (k, v)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o(y.transpose(1, 2).reshape(n, t, -1))


class SwiGluMlp(nn.Module):
    def __init__(self, width: int, wide: int) -> None:
        super().__init__()
        self.gate, self.up = nn.Linear(width, wide, bias=False), nn.Linear(width, wide, bias=False)
        self.down = nn.Linear(wide, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Llama(nn.Module):
    def __init__(self, attention: GroupedQueryAttention, width: int = 64) -> None:
        super().__init__()
        self.token, self.attention = nn.Embedding(VOCABULARY, width), attention
        self.norm1, self.norm2, self.norm = RmsNorm(width), RmsNorm(width), RmsNorm(width)
        self.mlp, self.head = SwiGluMlp(width, 160), nn.Linear(width, VOCABULARY, bias=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.token(ids)
        x = x + self.attention(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return self.head(self.norm(x))


@net()
def grouped_query() -> Net:
    return Llama(GroupedQueryAttention(64, 8, 4, rope=False, normed=False)), (tokens(),)


@net()
def rope() -> Net:
    return Llama(GroupedQueryAttention(64, 4, 4, rope=True, normed=False)), (tokens(),)


@net()
def rope_grouped_qk_norm() -> Net:
    return Llama(GroupedQueryAttention(64, 8, 2, rope=True, normed=True)), (tokens(),)


class Bert(nn.Module):
    """Three embeddings summed, norms after additions, a pooled class token."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.word, self.place, self.kind = (nn.Embedding(n, width) for n in (VOCABULARY, LENGTH, 2))
        self.norm, self.norm1, self.norm2 = (nn.LayerNorm(width) for _ in range(3))
        self.attention = SeparateAttention(width, 4)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.pooler, self.head = nn.Linear(width, width), nn.Linear(width, 3)

    def forward(self, ids: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.word(ids) + self.place(torch.arange(ids.shape[1])) + self.kind(kinds))
        x = self.norm1(x + self.attention(x))
        x = self.norm2(x + self.narrow(F.gelu(self.wide(x))))
        return self.head(torch.tanh(self.pooler(x[:, 0])))


@net()
def bert() -> Net:
    return Bert(), (tokens(), torch.randint(0, 2, (2, LENGTH)))
