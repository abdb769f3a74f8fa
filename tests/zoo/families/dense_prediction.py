"""Networks from images to images: U-Net, super-resolution, space-to-depth, atrous pyramids."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from zoo.entry import Net, conv_bn, head, image, net


class UNet(nn.Module):
    def __init__(self, groups: int = 1) -> None:
        super().__init__()
        self.enc1, self.enc2, self.mid = conv_bn(3, 16), conv_bn(16, 32), conv_bn(32, 64)
        self.up2 = nn.ConvTranspose2d(64, 32, 2, 2, groups=groups)
        self.up1 = nn.ConvTranspose2d(32, 16, 4, 2, 1, groups=groups, bias=groups == 1)
        self.dec2, self.dec1, self.last = conv_bn(64, 32), conv_bn(32, 16), nn.Conv2d(16, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = self.enc1(x)
        b = self.enc2(F.max_pool2d(a, 2))
        y = self.up2(self.mid(F.max_pool2d(b, 2)))
        y = self.up1(self.dec2(torch.cat([y, b], 1)))
        return self.last(self.dec1(torch.cat([y, a], 1)))


@net()
def unet() -> Net:
    return UNet(), (image(),)


@net()
def unet_grouped_transpose() -> Net:
    return UNet(groups=4), (image(),)


@net()
def depthwise_transpose() -> Net:
    up = nn.ConvTranspose2d(64, 64, 4, 2, 1, groups=64, bias=False)
    more = [nn.ConvTranspose2d(64, 128, 2, 2, groups=64), nn.ReLU(), nn.Conv2d(128, 2, 1)]
    return nn.Sequential(conv_bn(3, 64, 3, 2), conv_bn(64, 64), up, *more), (image(),)


@net()
def pixel_shuffle() -> Net:
    body = [nn.Conv2d(3, 32, 5, padding=2), nn.Tanh(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU()]
    up = [nn.Conv2d(32, 64, 3, padding=1), nn.PixelShuffle(2), nn.PReLU(16), nn.Conv2d(16, 64, 3, padding=1)]
    return nn.Sequential(*body, *up, nn.PixelShuffle(2), nn.Conv2d(16, 3, 3, padding=1)), (image(size=8),)


class SuperResolution(nn.Module):
    """ESPCN with a global skip: the last pixel shuffle gives the image, and its convolution stays."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 48, 3, 1, 1), nn.ReLU(), nn.Conv2d(48, 48, 3, 1, 1), nn.ReLU(), nn.Conv2d(48, 48, 3, 1, 1)
        )
        self.last = nn.Conv2d(48, 12, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.pixel_shuffle(self.last(self.body(x)), 2) + F.interpolate(x, scale_factor=2.0, mode="bicubic")


@net()
def super_resolution() -> Net:
    return SuperResolution(), (image(size=8),)


class SpaceToDepth(nn.Module):
    """A stem of four strided slices (YOLOv5's Focus), and another by pixel_unshuffle."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.next = conv_bn(12, 32), conv_bn(128, 64)
        self.head = nn.Sequential(conv_bn(64, 64), head(64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1)
        return self.head(self.next(F.pixel_unshuffle(self.conv(x), 2)))


@net()
def space_to_depth() -> Net:
    return SpaceToDepth(), (image(),)


class Aspp(nn.Module):
    """DeepLab: parallel dilated convolutions, image pooling that is resized back, concatenation."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 48, 3, 2)
        self.branches = nn.ModuleList(nn.Conv2d(48, 32, 3, padding=d, dilation=d) for d in (1, 2, 3))
        self.pooled, self.project, self.last = nn.Conv2d(48, 32, 1), conv_bn(128, 48, 1), nn.Conv2d(48, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        size, y = x.shape[-2:], self.stem(x)
        parts = [F.relu(branch(y)) for branch in self.branches]
        pooled = F.interpolate(self.pooled(F.adaptive_avg_pool2d(y, 1)), size=y.shape[-2:], mode="nearest")
        return F.interpolate(self.last(self.project(torch.cat([*parts, pooled], 1))), size=size, mode="bilinear")


@net()
def deeplab_aspp() -> Net:
    return Aspp(), (image(),)


class PixelUnshuffleUNet(nn.Module):
    """Down by space-to-depth, up by pixel shuffle; what was pixels is joined with plain channels."""

    def __init__(self) -> None:
        super().__init__()
        self.enc1, self.enc2, self.mid = conv_bn(3, 16), conv_bn(64, 32), conv_bn(128, 64)
        self.up2, self.dec2 = nn.Conv2d(64, 128, 1), conv_bn(64, 32)
        self.up1, self.last = nn.Conv2d(32, 64, 1), nn.Conv2d(32, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = self.enc1(x)
        b = self.enc2(F.pixel_unshuffle(a, 2))
        y = F.pixel_shuffle(self.up2(self.mid(F.pixel_unshuffle(b, 2))), 2)
        y = F.pixel_shuffle(self.up1(self.dec2(torch.cat([y, b], 1))), 2)
        return x + self.last(torch.cat([y, a], 1))


@net()
def pixel_unshuffle_unet() -> Net:
    return PixelUnshuffleUNet(), (image(),)


class TransposedAttention(nn.Module):
    """Attention between channels, not pixels (Zamir et al. 2022, Restormer)."""

    def __init__(self, c: int, heads: int) -> None:
        super().__init__()
        self.heads, self.temperature = heads, nn.Parameter(torch.rand(heads, 1, 1))
        self.qkv, self.deep = nn.Conv2d(c, 3 * c, 1), nn.Conv2d(3 * c, 3 * c, 3, padding=1, groups=3 * c)
        self.out = nn.Conv2d(c, c, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, c, h, w = x.shape
        q, k, v = (t.reshape(b, self.heads, c // self.heads, h * w) for t in self.deep(self.qkv(x)).chunk(3, 1))
        scores = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1) * self.temperature
        return x + self.out((scores.softmax(-1) @ v).reshape(b, c, h, w))


@net(0.34, "the first and the last convolution lose one side only")
def transposed_attention() -> Net:
    first, last = nn.Conv2d(3, 32, 3, padding=1), nn.Conv2d(32, 3, 3, padding=1)
    return nn.Sequential(first, TransposedAttention(32, 4), nn.GroupNorm(4, 32), TransposedAttention(32, 4), last), (
        image(),
    )
