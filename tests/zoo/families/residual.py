"""Residual networks: additions that tie layers together, groups, norms before and after."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from zoo.entry import Net, conv_bn, head, image, linear_bn, net


class Basic(nn.Module):
    def __init__(self, i: int, o: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(conv_bn(i, o, 3, stride), linear_bn(o, o, 3))
        self.downsample = None if stride == 1 and i == o else linear_bn(i, o, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.body(x) + (x if self.downsample is None else self.downsample(x)))


@net()
def resnet() -> Net:
    stem = [conv_bn(3, 16, 7, 2), nn.MaxPool2d(3, 2, 1)]
    return nn.Sequential(*stem, Basic(16, 16), Basic(16, 32, 2), Basic(32, 32), head(32)), (image(size=32),)


class Bottleneck(nn.Module):
    def __init__(self, i: int, o: int, groups: int, stride: int = 1) -> None:
        super().__init__()
        width = o // 2
        self.body = nn.Sequential(conv_bn(i, width, 1), conv_bn(width, width, 3, stride, groups), linear_bn(width, o))
        self.downsample = None if stride == 1 and i == o else linear_bn(i, o, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.body(x) + (x if self.downsample is None else self.downsample(x)))


@net()
def resnext() -> Net:
    body = [Bottleneck(32, 64, 4), Bottleneck(64, 64, 4), Bottleneck(64, 128, 4, 2)]
    return nn.Sequential(conv_bn(3, 32), *body, head(128)), (image(),)


class PreActivation(nn.Module):
    def __init__(self, i: int, o: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(i), nn.Conv2d(i, o, 3, 1, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(o), nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(i, o, 1, bias=False) if i != o else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = F.relu(self.bn1(x))
        shortcut = x if self.shortcut is None else self.shortcut(out)
        return self.conv2(F.relu(self.bn2(self.conv1(out)))) + shortcut


@net()
def preactivation_resnet() -> Net:
    body = [PreActivation(32, 32), PreActivation(32, 64), nn.BatchNorm2d(64), nn.ReLU()]
    return nn.Sequential(nn.Conv2d(3, 32, 3, 1, 1, bias=False), *body, head(64)), (image(),)


class GroupNormed(nn.Module):
    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(width, width, 3, 1, 1), nn.GroupNorm(groups, width)
        self.conv2, self.norm2 = nn.Conv2d(width, width, 3, 1, 1), nn.GroupNorm(groups, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.silu(x + self.norm2(self.conv2(F.silu(self.norm1(self.conv1(x))))))


@net()
def groupnorm_resnet() -> Net:
    body = [GroupNormed(32, 4), nn.Conv2d(32, 64, 1), GroupNormed(64, 8)]
    return nn.Sequential(nn.Conv2d(3, 32, 3), *body, head(64)), (image(),)


class MixedProducers(nn.Module):
    """A sum of a convolution, a concatenation, a slice and a channel-wise scale."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.left, self.right = nn.Conv2d(width, width // 4, 1), nn.Conv2d(width, width - width // 4, 1)
        self.wide = nn.Conv2d(width, 2 * width, 1)
        self.scale = nn.Parameter(torch.randn(1, width, 1, 1))
        self.last = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), head(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        joined = torch.cat([F.relu(self.left(x)), torch.tanh(self.right(x))], 1)
        return self.last(x + joined + F.relu(self.wide(x))[:, : x.shape[1]] + x.sigmoid() * self.scale)


@net()
def mixed_producers() -> Net:
    return MixedProducers(), (image(),)
