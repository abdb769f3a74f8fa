"""Attention and token mixing on images: ViT, MobileViT, Swin, ConvNeXt, MLP-Mixer."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from zoo.entry import Net, conv_bn, head, image, net


class Mlp(nn.Module):
    def __init__(self, width: int, wide: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, wide), nn.Linear(wide, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class FusedAttention(nn.Module):
    """timm's: one projection, reshape to (3, heads, width), permute, unbind, plain matrix products."""

    def __init__(self, width: int, heads: int, normed: bool = False) -> None:
        super().__init__()
        self.heads, self.scale = heads, (width // heads) ** -0.5
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.q_norm = nn.LayerNorm(width // heads) if normed else nn.Identity()
        self.k_norm = nn.LayerNorm(width // heads) if normed else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, t, c = x.shape
        qkv = self.qkv(x).reshape(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        attention = ((self.q_norm(q) * self.scale) @ self.k_norm(k).transpose(-2, -1)).softmax(dim=-1)
        return self.proj((attention @ v).transpose(1, 2).reshape(n, t, -1))


class SeparateAttention(nn.Module):
    """Three projections, views, and the fused kernel."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, t, c = x.shape
        q, k, v = (p(x).view(n, t, self.heads, -1).transpose(1, 2) for p in (self.q, self.k, self.v))
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, c))


class EinsumAttention(nn.Module):
    """Products by einsum; weights of shape (width, heads, head width), as in T5 and Flax."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.w = nn.ParameterList(nn.Parameter(torch.randn(width, heads, width // heads) / 8) for _ in range(3))
        self.o = nn.Parameter(torch.randn(heads, width // heads, width) / 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (torch.einsum("ntc,chd->nhtd", x, w) for w in self.w)
        attention = torch.einsum("nhtd,nhsd->nhts", q, k).div(4.0).softmax(-1)
        return torch.einsum("nhtd,hdc->ntc", torch.einsum("nhts,nhsd->nhtd", attention, v), self.o)


class Block(nn.Module):
    def __init__(self, width: int, attention: nn.Module, wide: int | None = None) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(width), attention
        self.norm2, self.mlp = nn.LayerNorm(width), Mlp(width, wide or 2 * width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Vit(nn.Module):
    """Patches by a strided convolution, a class token, learned positions."""

    def __init__(self, width: int, blocks: list[nn.Module], token: bool = True) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, width, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, width)) if token else None
        self.position = nn.Parameter(torch.randn(1, 16 + token, width))
        self.blocks, self.norm, self.head = nn.Sequential(*blocks), nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        if self.token is not None:
            x = torch.cat((self.token.expand(x.shape[0], -1, -1), x), dim=1)
        x = self.norm(self.blocks(x + self.position))
        return self.head(x[:, 0] if self.token is not None else x.mean(1))


@net()
def vit_fused_qkv() -> Net:
    return Vit(64, [Block(64, FusedAttention(64, 4)) for _ in range(2)]), (image(),)


@net()
def vit_qk_norm() -> Net:
    return Vit(64, [Block(64, FusedAttention(64, 4, normed=True))], token=False), (image(),)


@net()
def vit_separate_qkv() -> Net:
    return Vit(64, [Block(64, SeparateAttention(64, 4)) for _ in range(2)], token=False), (image(),)


@net()
def vit_einsum() -> Net:
    return Vit(64, [Block(64, EinsumAttention(64, 4))]), (image(),)


@net()
def torch_encoder() -> Net:
    """torch's own encoder layer with its packed projection."""
    layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True, activation="gelu", norm_first=True)
    return Vit(64, [layer]), (image(),)


class MobileVitBlock(nn.Module):
    """Local convolutions, then attention over the pixels of equal place in 2 x 2 patches, then fusion."""

    def __init__(self, i: int, width: int) -> None:
        super().__init__()
        self.local = nn.Sequential(conv_bn(i, i, act=nn.SiLU()), nn.Conv2d(i, width, 1, bias=False))
        self.block = Block(width, FusedAttention(width, 4))
        self.norm, self.project, self.fuse = nn.LayerNorm(width), conv_bn(width, i, 1), conv_bn(2 * i, i)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.local(x)
        n, c, h, w = y.shape
        y = y.reshape(n, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 2, 4, 1).reshape(n * 4, h * w // 4, c)
        y = self.norm(self.block(y))
        y = y.reshape(n, 2, 2, h // 2, w // 2, c).permute(0, 5, 3, 1, 4, 2).reshape(n, c, h, w)
        return self.fuse(torch.cat((x, self.project(y)), 1))


@net()
def mobilevit() -> Net:
    return nn.Sequential(conv_bn(3, 32, 3, 2), MobileVitBlock(32, 64), head(32)), (image(),)


class WindowAttention(nn.Module):
    """Attention in windows with a table of relative positions; every other block rolls the image and masks the seam."""

    def __init__(self, width: int, heads: int, size: int, window: int, shift: int) -> None:
        super().__init__()
        self.heads, self.size, self.window, self.shift = heads, size, window, shift
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.table = nn.Parameter(torch.randn((2 * window - 1) ** 2, heads))
        at = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
        offset = (at[:, :, None] - at[:, None, :]).permute(1, 2, 0) + window - 1
        self.register_buffer("index", offset[..., 0] * (2 * window - 1) + offset[..., 1])
        region = torch.zeros(1, size, size, 1)
        spans = (slice(0, -window), slice(-window, -shift), slice(-shift, None))
        for i, (a, b) in enumerate((a, b) for a in spans for b in spans) if shift else ():
            region[:, a, b] = i
        parts = self.windows(region).squeeze(-1)
        apart = parts[:, None, :] != parts[:, :, None]
        self.register_buffer("seam", apart.float().mul(-100.0) if shift else None)

    def windows(self, x: torch.Tensor) -> torch.Tensor:
        n, h, w, c = x.shape
        k = self.window
        return x.view(n, h // k, k, w // k, k, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, k * k, c)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, t, c = x.shape
        s, k, area = self.size, self.window, self.window**2
        x = x.view(n, s, s, c)
        if self.shift:
            x = torch.roll(x, (-self.shift, -self.shift), (1, 2))
        x = self.windows(x)
        qkv = self.qkv(x).reshape(-1, area, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, key, v = qkv[0], qkv[1], qkv[2]
        attention = q * (c // self.heads) ** -0.5 @ key.transpose(-2, -1)
        bias = self.table[self.index.view(-1)].view(area, area, -1).permute(2, 0, 1).contiguous()
        attention = attention + bias.unsqueeze(0)
        if self.seam is not None:
            m = self.seam.shape[0]
            attention = attention.view(-1, m, self.heads, area, area) + self.seam.unsqueeze(1).unsqueeze(0)
            attention = attention.view(-1, self.heads, area, area)
        x = self.proj((attention.softmax(-1) @ v).transpose(1, 2).reshape(-1, area, c))
        x = x.view(-1, s // k, s // k, k, k, c).permute(0, 1, 3, 2, 4, 5).reshape(n, s, s, c)
        if self.shift:
            x = torch.roll(x, (self.shift, self.shift), (1, 2))
        return x.reshape(n, t, c)


class PatchMerging(nn.Module):
    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.size, self.norm, self.reduction = (
            size,
            nn.LayerNorm(4 * width),
            nn.Linear(4 * width, 2 * width, bias=False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, _, c = x.shape
        x = x.view(n, self.size, self.size, c)
        parts = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
        return self.reduction(self.norm(torch.cat(parts, -1).view(n, -1, 4 * c)))


class Swin(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch, self.norm0 = nn.Conv2d(3, 32, 2, 2), nn.LayerNorm(32)
        self.first = nn.Sequential(*(Block(32, WindowAttention(32, 4, 8, 4, s)) for s in (0, 2)))
        self.merge, self.second = PatchMerging(8, 32), Block(64, WindowAttention(64, 4, 4, 4, 0))
        self.norm, self.head = nn.LayerNorm(64), nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm0(self.patch(x).flatten(2).transpose(1, 2))
        return self.head(self.norm(self.second(self.merge(self.first(x)))).mean(1))


@net(0.38, "biases of pairs of tokens and the masks of windows, folded from their tables, lose heads only")
def swin() -> Net:
    return Swin(), (image(),)


class ConvNextBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise, self.norm = nn.Conv2d(width, width, 7, padding=3, groups=width), nn.LayerNorm(width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(torch.rand(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.gamma * self.narrow(F.gelu(self.wide(y)))
        return x + y.permute(0, 3, 1, 2)


class LayerNorm2d(nn.LayerNorm):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


@net()
def convnext() -> Net:
    stem = [nn.Conv2d(3, 32, 4, 4), LayerNorm2d(32), ConvNextBlock(32)]
    last = [LayerNorm2d(32), nn.Conv2d(32, 64, 2, 2), ConvNextBlock(64), head(64)]
    return nn.Sequential(*stem, *last), (image(),)


class MixerBlock(nn.Module):
    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.norm1, self.tokens = nn.LayerNorm(width), Mlp(tokens, 64)
        self.norm2, self.channels = nn.LayerNorm(width), Mlp(width, 128)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


class Mixer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch, self.blocks = nn.Conv2d(3, 64, 4, 4), nn.Sequential(*(MixerBlock(16, 64) for _ in range(2)))
        self.norm, self.head = nn.LayerNorm(64), nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.blocks(self.patch(x).flatten(2).transpose(1, 2))).mean(1))


@net()
def mlp_mixer() -> Net:
    return Mixer(), (image(),)
