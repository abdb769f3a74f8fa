"""Compact definitions of the architectures that people bring: small, but with every idiom of the original."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Case:
    """A network, its example arguments, and which axes of them may vary."""

    module: nn.Module
    args: tuple[Any, ...]
    dynamic: Any = None
    kwargs: dict[str, Any] = field(default_factory=dict)
    name: str = ""


NETS: dict[str, Callable[[], Case]] = {}


def net(make: Callable[[], Case]) -> Callable[[], Case]:
    NETS[make.__name__] = make
    return make


def image(n: int = 2, c: int = 3, size: int = 16) -> torch.Tensor:
    return torch.randn(n, c, size, size)


@net
def mlp() -> Case:
    layers = [nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3), nn.Softmax(-1)]
    return Case(nn.Sequential(*layers), (torch.randn(4, 6),), {0: "N"})


@net
def lenet() -> Case:
    features = [nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2), nn.Conv2d(6, 8, 5), nn.MaxPool2d(2)]
    head = [nn.Flatten(), nn.Linear(8 * 25, 12), nn.ReLU(), nn.Linear(12, 10), nn.LogSoftmax(1)]
    return Case(nn.Sequential(*features, *head), (torch.randn(2, 1, 28, 28),), {0: "N"})


@net
def vgg() -> Case:
    features = [nn.Conv2d(3, 8, 3, padding="same"), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2, 2)]
    pool = [nn.AdaptiveAvgPool2d((7, 7)), nn.Flatten(1), nn.Linear(8 * 49, 8), nn.ReLU(True), nn.Dropout()]
    return Case(nn.Sequential(*features, *pool, nn.Linear(8, 5)), (image(size=20),), {0: "N"})


class Residual(nn.Module):
    def __init__(self, i: int, o: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(i, o, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(o)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(o)
        self.downsample = None
        if stride != 1 or i != o:
            self.downsample = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        return self.relu(out)


@net
def resnet() -> Case:
    stem = [nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(True), nn.MaxPool2d(3, 2, 1)]
    body = [Residual(8, 8, 1), Residual(8, 12, 2)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 5)]
    return Case(nn.Sequential(*stem, *body, *head), (image(size=24),), {0: "N"})


class InvertedResidual(nn.Module):
    """MobileNetV3 / EfficientNet block: expand, depthwise, squeeze and excite, project."""

    def __init__(self, i: int, o: int, activation: type[nn.Module]) -> None:
        super().__init__()
        self.expand = nn.Sequential(nn.Conv2d(i, 4 * i, 1, bias=False), nn.BatchNorm2d(4 * i), activation())
        self.depthwise = nn.Sequential(
            nn.Conv2d(4 * i, 4 * i, 5, padding=2, groups=4 * i, bias=False), nn.BatchNorm2d(4 * i), activation()
        )
        self.reduce, self.widen = nn.Conv2d(4 * i, 2, 1), nn.Conv2d(2, 4 * i, 1)
        self.gate = nn.Hardsigmoid() if activation is nn.Hardswish else nn.Sigmoid()
        self.project = nn.Sequential(nn.Conv2d(4 * i, o, 1, bias=False), nn.BatchNorm2d(o))
        self.same = i == o

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.depthwise(self.expand(x))
        s = self.gate(self.widen(F.relu(self.reduce(F.adaptive_avg_pool2d(y, 1)))))
        y = self.project(s * y)
        return x + y if self.same else y


@net
def mobilenet_v2() -> Case:
    def block(i: int, o: int, **rest: Any) -> list[nn.Module]:
        return [nn.Conv2d(i, o, bias=False, **rest), nn.BatchNorm2d(o), nn.ReLU6(inplace=True)]

    layers = [*block(3, 8, kernel_size=3, stride=2, padding=1), *block(8, 8, kernel_size=3, padding=1, groups=8)]
    return Case(nn.Sequential(*layers, *block(8, 6, kernel_size=1)), (image(),), {0: "N"})


@net
def mobilenet_v3() -> Case:
    return Case(nn.Sequential(InvertedResidual(3, 3, nn.Hardswish), InvertedResidual(3, 5, nn.Hardswish)), (image(),))


@net
def efficientnet() -> Case:
    return Case(nn.Sequential(InvertedResidual(3, 3, nn.SiLU), nn.Flatten(1)), (image(),), {0: "N"})


class Dense(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(4 + 3 * i) for i in range(3))
        self.convs = nn.ModuleList(nn.Conv2d(4 + 3 * i, 3, 3, padding=1) for i in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = [x]
        for norm, conv in zip(self.norms, self.convs, strict=True):
            features.append(F.dropout(conv(F.relu(norm(torch.cat(features, 1)))), 0.1, self.training))
        return torch.cat(features, dim=1)


@net
def densenet() -> Case:
    return Case(Dense(), (image(c=4),), {0: "N"})


class Shuffle(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        depthwise = nn.Conv2d(4, 4, 3, 1, 1, groups=4)
        self.branch = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), depthwise)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = x.chunk(2, dim=1)
        y = torch.cat((a, self.branch(b)), dim=1)
        n, c, h, w = y.size()
        y = y.view(n, 2, c // 2, h, w)
        return torch.transpose(y, 1, 2).contiguous().view(n, -1, h, w)


@net
def shufflenet() -> Case:
    return Case(nn.Sequential(Shuffle(), Shuffle(), nn.ChannelShuffle(2)), (image(c=8),), {0: "N"})


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 6, 3, 2, 1)
        self.mid = nn.Sequential(nn.GroupNorm(2, 6), nn.LeakyReLU(0.1), nn.Conv2d(6, 6, 3, padding=2, dilation=2))
        self.up = nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1)
        self.smooth = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.out = nn.Conv2d(4 + 6 + 3, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        d = self.down(x)
        m = self.mid(d)
        up = F.interpolate(m, size=x.shape[-2:], mode="nearest")
        return self.out(torch.cat([self.up(m), up, x], 1)) + self.smooth(d)[:, :2]


@net
def unet() -> Case:
    return Case(UNet(), (image(),), {0: "N"})


class Attention(nn.Module):
    """The qkv idiom of timm."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        x = F.scaled_dot_product_attention(q, k, v)
        return self.proj(x.transpose(1, 2).reshape(b, n, c))


class Block(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm1, self.attn, self.norm2 = nn.LayerNorm(dim), Attention(dim, 2), nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Dropout(0.1), nn.Linear(2 * dim, dim))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    def __init__(self, dim: int = 8) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, dim, 4, 4)
        self.cls = nn.Parameter(torch.randn(1, 1, dim))
        self.pos = nn.Parameter(torch.randn(1, 17, dim))
        self.blocks = nn.Sequential(Block(dim), Block(dim))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], dim=1) + self.pos
        return self.head(self.norm(self.blocks(x))[:, 0])


@net
def vit() -> Case:
    return Case(ViT(), (image(),), {0: "N"})


class Swin(nn.Module):
    """Shifted windows with a relative position bias, and patch merging."""

    def __init__(self, dim: int = 8, window: int = 4) -> None:
        super().__init__()
        self.window, self.heads = window, 2
        self.norm, self.qkv = nn.LayerNorm(dim), nn.Linear(dim, 3 * dim)
        self.bias = nn.Parameter(torch.randn((2 * window - 1) ** 2, self.heads))
        place = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
        offset = (place[:, :, None] - place[:, None, :] + window - 1).permute(1, 2, 0)
        self.register_buffer("index", offset[..., 0] * (2 * window - 1) + offset[..., 1])
        self.merge = nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, h, w, c = x.shape
        m = self.window
        y = torch.roll(self.norm(x), shifts=(-2, -2), dims=(1, 2))
        y = y.view(b, h // m, m, w // m, m, c).permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, m * m, c)
        q, k, v = self.qkv(y).reshape(-1, m * m, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        scores = (q * (c // self.heads) ** -0.5) @ k.transpose(-2, -1)
        bias = self.bias[self.index.view(-1)].view(m * m, m * m, -1).permute(2, 0, 1)
        y = ((scores + bias.unsqueeze(0)).softmax(-1) @ v).transpose(1, 2).reshape(-1, m * m, c)
        y = y.view(b, h // m, w // m, m, m, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
        x = x + torch.roll(y, (2, 2), (1, 2))
        parts = [x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)]
        return self.merge(torch.cat(parts, -1))


@net
def swin() -> Case:
    return Case(Swin(), (torch.randn(2, 8, 8, 8),), {0: "N"})


class GPT(nn.Module):
    """Embeddings, a causal mask from a buffer, tied output weights."""

    def __init__(self, dim: int = 8) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(20, dim), nn.Embedding(16, dim)
        self.ln_1, self.c_attn, self.c_proj = nn.LayerNorm(dim), nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.ln_2, self.fc, self.out = nn.LayerNorm(dim), nn.Linear(dim, 2 * dim), nn.Linear(2 * dim, dim)
        self.register_buffer("mask", torch.tril(torch.ones(16, 16)).view(1, 1, 16, 16), persistent=False)
        self.lm_head = nn.Linear(dim, 20, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        b, t = tokens.shape
        x = self.wte(tokens) + self.wpe(torch.arange(0, t, dtype=torch.long))
        q, k, v = self.c_attn(self.ln_1(x)).split(8, dim=2)
        q, k, v = (z.view(b, t, 2, 4).transpose(1, 2) for z in (q, k, v))
        att = (q @ k.transpose(-2, -1)) * (1.0 / 2.0)
        att = F.softmax(att.masked_fill(self.mask[:, :, :t, :t] == 0, float("-inf")), dim=-1)
        x = x + self.c_proj((att @ v).transpose(1, 2).contiguous().view(b, t, 8))
        x = x + self.out(F.gelu(self.fc(self.ln_2(x)), approximate="tanh"))
        return self.lm_head(x)


@net
def gpt() -> Case:
    return Case(GPT(), (torch.randint(0, 20, (2, 7)),), {0: "N", 1: "T"})


class Llama(nn.Module):
    """RMSNorm, rotary embedding, grouped-query attention, SwiGLU."""

    def __init__(self, dim: int = 16) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(dim, eps=1e-6)
        self.q, self.kv = nn.Linear(dim, dim, bias=False), nn.Linear(dim, dim, bias=False)
        self.gate, self.up, self.down = (nn.Linear(dim, dim, bias=False) for _ in range(3))

    def rotate(self, x: torch.Tensor) -> torch.Tensor:
        t = torch.arange(x.shape[2], dtype=torch.float32)
        angle = torch.outer(t, 1.0 / 100 ** (torch.arange(0, 4, 2).float() / 4))
        angle = torch.cat((angle, angle), -1)
        a, b = x[..., :2], x[..., 2:]
        return x * angle.cos() + torch.cat((-b, a), -1) * angle.sin()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, t, c = x.shape
        y = self.norm(x)
        q = self.rotate(self.q(y).view(b, t, 4, 4).transpose(1, 2))
        k, v = self.kv(y).view(b, t, 2, 2, 4).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, self.rotate(k), v, is_causal=True, enable_gqa=True)
        x = x + y.transpose(1, 2).reshape(b, t, c)
        return x + self.down(F.silu(self.gate(x)) * self.up(x))


@net
def llama() -> Case:
    return Case(Llama(), (torch.randn(2, 6, 16),), {0: "N", 1: "T"})


class ConvNeXt(nn.Module):
    def __init__(self, dim: int = 6) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, dim, 4, 4)
        self.dw, self.norm = nn.Conv2d(dim, dim, 7, padding=3, groups=dim), nn.LayerNorm(dim, eps=1e-6)
        self.pw1, self.pw2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
        self.gamma = nn.Parameter(torch.randn(dim))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        y = self.pw2(F.gelu(self.pw1(self.norm(self.dw(x).permute(0, 2, 3, 1)))))
        x = x + (self.gamma * y).permute(0, 3, 1, 2)
        return x.mean([-2, -1])


@net
def convnext() -> Case:
    return Case(ConvNeXt(), (image(),), {0: "N"})


class Mixer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.tokens = nn.Sequential(nn.Linear(5, 7), nn.GELU(), nn.Linear(7, 5))
        self.channels = nn.Sequential(nn.Linear(8, 9), nn.GELU(), nn.Linear(9, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.tokens(self.norm1(x).mT).mT
        return x + self.channels(self.norm2(x))


@net
def mixer() -> Case:
    return Case(Mixer(), (torch.randn(2, 5, 8),), {0: "N"})


@net
def encoder_layer() -> Case:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    return Case(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), (torch.randn(2, 5, 8),))


@net
def decoder_layer() -> Case:
    return Case(nn.TransformerDecoderLayer(8, 2, 16, batch_first=True), (torch.randn(2, 5, 8), torch.randn(2, 4, 8)))


class Recommender(nn.Module):
    """Embedding tables, an EmbeddingBag spelled out, a factorization machine."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(10, 4) for _ in range(3))
        self.dense, self.top = nn.Linear(5, 4), nn.Linear(10, 1)

    def forward(self, dense: torch.Tensor, sparse: torch.Tensor) -> torch.Tensor:
        found = [table(sparse[:, i]) for i, table in enumerate(self.tables)]
        z = torch.stack([self.dense(dense), *found], 1)
        pairs = torch.bmm(z, z.transpose(1, 2))
        i, j = torch.tril_indices(4, 4, -1)
        flat = pairs[:, i, j]
        return torch.sigmoid(self.top(torch.cat([z[:, 0], flat], 1)))


@net
def recommender() -> Case:
    return Case(Recommender(), (torch.randn(3, 5), torch.randint(0, 10, (3, 3))))


class Discriminator(nn.Module):
    """Weight norm, instance norm, reflection padding, PixelShuffle: what image-to-image networks use."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 8, 3))
        self.norm = nn.InstanceNorm2d(8, affine=True)
        self.act = nn.PReLU(8)
        self.up = nn.PixelShuffle(2)
        self.last = nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.act(self.norm(self.conv(F.pad(x, (1, 1, 1, 1), mode="reflect"))))
        return torch.tanh(self.last(self.up(y)))


@net
def generator() -> Case:
    return Case(Discriminator(), (image(),), {0: "N"})


@net
def audio() -> Case:
    layers = [nn.Conv1d(2, 6, 9, 2, 4), nn.BatchNorm1d(6), nn.ELU(), nn.MaxPool1d(2), nn.ConvTranspose1d(6, 3, 4, 2, 1)]
    return Case(nn.Sequential(*layers), (torch.randn(2, 2, 40),), {0: "N"})


@net
def volume() -> Case:
    layers = [nn.Conv3d(2, 4, 3, padding=1), nn.BatchNorm3d(4), nn.Mish(), nn.AvgPool3d(2), nn.AdaptiveAvgPool3d(1)]
    return Case(nn.Sequential(*layers, nn.Flatten()), (torch.randn(2, 2, 6, 6, 6),), {0: "N"})
