"""Depthwise separable networks: MobileNets, EfficientNet, ShuffleNets, GhostNet."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from zoo.entry import Net, conv_bn, head, image, linear_bn, net


@net()
def mobilenet_v1() -> Net:
    layers: list[nn.Module] = [conv_bn(3, 32, 3, 2)]
    for i, o, s in ((32, 64, 1), (64, 96, 2), (96, 96, 1)):
        layers += [conv_bn(i, i, 3, s, i), conv_bn(i, o, 1)]
    return nn.Sequential(*layers, head(96)), (image(size=32),)


class SqueezeExcite(nn.Module):
    def __init__(self, width: int, squeezed: int, gate: nn.Module) -> None:
        super().__init__()
        self.reduce, self.expand, self.gate = nn.Conv2d(width, squeezed, 1), nn.Conv2d(squeezed, width, 1), gate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(self.expand(F.relu(self.reduce(x.mean((2, 3), keepdim=True)))))


class InvertedResidual(nn.Module):
    def __init__(self, i: int, o: int, ratio: int, stride: int, act: nn.Module, se: nn.Module | None = None) -> None:
        super().__init__()
        wide = i * ratio
        excite = [] if se is None else [SqueezeExcite(wide, max(8, wide // 4), se)]
        depthwise = conv_bn(wide, wide, 3, stride, wide, act)
        self.body = nn.Sequential(conv_bn(i, wide, 1, act=act), depthwise, *excite, linear_bn(wide, o))
        self.residual = stride == 1 and i == o

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x) if self.residual else self.body(x)


@net()
def mobilenet_v2() -> Net:
    act = nn.ReLU6()
    body = [
        InvertedResidual(16, 32, 4, 2, act),
        InvertedResidual(32, 32, 4, 1, act),
        InvertedResidual(32, 32, 4, 1, act),
    ]
    return nn.Sequential(conv_bn(3, 16, act=act), *body, conv_bn(32, 128, 1, act=act), head(128)), (image(),)


@net()
def mobilenet_v3() -> Net:
    act, gate = nn.Hardswish(), nn.Hardsigmoid()
    body = [InvertedResidual(16, 32, 4, 2, act, gate), InvertedResidual(32, 32, 3, 1, nn.ReLU(), gate)]
    classifier = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(96, 128), nn.Hardswish(), nn.Linear(128, 10)]
    return nn.Sequential(conv_bn(3, 16, act=act), *body, conv_bn(32, 96, 1, act=act), *classifier), (image(),)


@net()
def efficientnet() -> Net:
    act, gate = nn.SiLU(), nn.Sigmoid()
    body = [InvertedResidual(32, 32, 1, 1, act, gate), InvertedResidual(32, 48, 6, 2, act, gate)]
    last = [InvertedResidual(48, 48, 6, 1, act, gate), conv_bn(48, 128, 1, act=act)]
    return nn.Sequential(conv_bn(3, 32, 3, 2, act=act), *body, *last, head(128)), (image(),)


def shuffle(x: torch.Tensor, groups: int) -> torch.Tensor:
    n, c, h, w = x.shape
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


class ShuffleV1(nn.Module):
    def __init__(self, i: int, o: int, groups: int, stride: int) -> None:
        super().__init__()
        middle, self.groups, self.stride = o // 4, groups, stride
        out = o - i if stride > 1 else o
        self.reduce = conv_bn(i, middle, 1, groups=groups)
        self.depthwise = linear_bn(middle, middle, 3, stride, middle)
        self.expand = linear_bn(middle, out, 1, groups=groups)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.expand(self.depthwise(shuffle(self.reduce(x), self.groups)))
        if self.stride > 1:
            return F.relu(torch.cat([F.avg_pool2d(x, 3, 2, 1), y], 1))
        return F.relu(x + y)


@net()
def shufflenet_v1() -> Net:
    body = [ShuffleV1(48, 144, 2, 2), ShuffleV1(144, 144, 2, 1)]
    return nn.Sequential(conv_bn(3, 48), *body, conv_bn(144, 144, 1), head(144)), (image(),)


class ShuffleV2(nn.Module):
    def __init__(self, i: int, o: int, stride: int) -> None:
        super().__init__()
        half, self.stride = o // 2, stride
        inner = i if stride > 1 else half
        if stride > 1:
            self.left = nn.Sequential(linear_bn(i, i, 3, 2, i), conv_bn(i, half, 1))
        self.right = nn.Sequential(
            conv_bn(inner, half, 1), linear_bn(half, half, 3, stride, half), conv_bn(half, half, 1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.stride > 1:
            joined = torch.cat((self.left(x), self.right(x)), 1)
        else:
            a, b = x.chunk(2, 1)
            joined = torch.cat((a, self.right(b)), 1)
        return shuffle(joined, 2)


@net()
def shufflenet_v2() -> Net:
    body = [ShuffleV2(24, 64, 2), ShuffleV2(64, 64, 1), ShuffleV2(64, 64, 1)]
    return nn.Sequential(conv_bn(3, 24), *body, conv_bn(64, 128, 1), head(128)), (image(),)


class Ghost(nn.Module):
    def __init__(self, i: int, o: int) -> None:
        super().__init__()
        self.out, self.primary, self.cheap = o, conv_bn(i, o // 2, 1), conv_bn(o // 2, o // 2, 3, groups=o // 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = self.primary(x)
        return torch.cat([a, self.cheap(a)], 1)[:, : self.out]


class GhostBottleneck(nn.Module):
    def __init__(self, width: int, wide: int) -> None:
        super().__init__()
        self.body = nn.Sequential(Ghost(width, wide), SqueezeExcite(wide, 16, nn.Hardsigmoid()), Ghost(wide, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x)


@net()
def ghostnet() -> Net:
    return nn.Sequential(conv_bn(3, 32), GhostBottleneck(32, 96), GhostBottleneck(32, 96), head(32)), (image(),)


class EfficientChannelAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x.mean((2, 3)).unsqueeze(1))
        return x * y.sigmoid().transpose(1, 2).unsqueeze(-1)


@net(1.0, "a convolution slides over the channels: neighbours matter")
def eca() -> Net:
    return nn.Sequential(conv_bn(3, 32), EfficientChannelAttention(), head(32)), (image(),)
