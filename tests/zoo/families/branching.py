"""Concatenation: SqueezeNet, Inception, DenseNet, YOLO's C2f, CSP, Res2Net, and necks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from zoo.entry import Net, conv_bn, head, image, net


class Fire(nn.Module):
    def __init__(self, i: int, squeezed: int, o: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(i, squeezed, 1)
        self.expand1, self.expand3 = nn.Conv2d(squeezed, o // 2, 1), nn.Conv2d(squeezed, o // 2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1(x)), F.relu(self.expand3(x))], 1)


@net()
def squeezenet() -> Net:
    body = [Fire(32, 16, 64), Fire(64, 16, 64), nn.MaxPool2d(3, 2, ceil_mode=True), Fire(64, 32, 96)]
    last = [nn.Dropout(), nn.Conv2d(96, 10, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(nn.Conv2d(3, 32, 3, 2), nn.ReLU(), *body, *last), (image(size=32),)


class InceptionBlock(nn.Module):
    def __init__(self, i: int) -> None:
        super().__init__()
        self.b1 = conv_bn(i, 16, 1)
        self.b3 = nn.Sequential(conv_bn(i, 24, 1), conv_bn(24, 32, 3))
        self.b5 = nn.Sequential(conv_bn(i, 8, 1), conv_bn(8, 16, 3), conv_bn(16, 16, 3))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), conv_bn(i, 16, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.b1(x), self.b3(x), self.b5(x), self.pool(x)], 1)


@net()
def inception() -> Net:
    return nn.Sequential(conv_bn(3, 32), InceptionBlock(32), InceptionBlock(80), head(80)), (image(),)


class DenseLayer(nn.Module):
    def __init__(self, i: int, growth: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(i), nn.Conv2d(i, 2 * growth, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(2 * growth), nn.Conv2d(2 * growth, growth, 3, 1, 1, bias=False)

    def forward(self, xs: list[torch.Tensor]) -> torch.Tensor:
        x = self.conv1(F.relu(self.norm1(torch.cat(xs, 1))))
        return self.conv2(F.relu(self.norm2(x)))


class DenseBlock(nn.Module):
    def __init__(self, i: int, growth: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DenseLayer(i + k * growth, growth) for k in range(layers))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        xs = [x]
        for layer in self.layers:
            xs.append(layer(xs))
        return torch.cat(xs, 1)


@net()
def densenet() -> Net:
    transition = [nn.BatchNorm2d(80), nn.ReLU(), nn.Conv2d(80, 40, 1, bias=False), nn.AvgPool2d(2)]
    layers = [nn.Conv2d(3, 32, 3, padding=1), DenseBlock(32, 16, 3), *transition, DenseBlock(40, 16, 2)]
    return nn.Sequential(*layers, nn.BatchNorm2d(72), nn.ReLU(), head(72)), (image(),)


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv_bn(width, width, act=nn.SiLU()), conv_bn(width, width, act=nn.SiLU()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x)


class C2f(nn.Module):
    def __init__(self, i: int, o: int, n: int = 2) -> None:
        super().__init__()
        self.enter, self.leave = conv_bn(i, o, 1, act=nn.SiLU()), conv_bn((2 + n) * (o // 2), o, 1, act=nn.SiLU())
        self.blocks = nn.ModuleList(Residual(o // 2) for _ in range(n))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = list(self.enter(x).chunk(2, 1))
        parts.extend(block(parts[-1]) for block in self.blocks)
        return self.leave(torch.cat(parts, 1))


class Sppf(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.enter, self.leave = conv_bn(width, width // 2, 1), conv_bn(2 * width, width, 1)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.enter(x)
        a = self.pool(x)
        b = self.pool(a)
        return self.leave(torch.cat((x, a, b, self.pool(b)), 1))


class Yolo(nn.Module):
    """Backbone, C2f, SPPF, up-sampling neck, and a head that flattens, concatenates, splits and decodes boxes."""

    def __init__(self, classes: int = 4, bins: int = 8) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_bn(3, 16, 3, 2, act=nn.SiLU()), conv_bn(16, 32, 3, 2, act=nn.SiLU()))
        self.low = C2f(32, 32)
        self.high = nn.Sequential(conv_bn(32, 64, 3, 2, act=nn.SiLU()), C2f(64, 64), Sppf(64))
        self.neck = C2f(96, 48)
        self.boxes = nn.ModuleList(nn.Sequential(conv_bn(w, 32), nn.Conv2d(32, 4 * bins, 1)) for w in (48, 64))
        self.labels = nn.ModuleList(nn.Sequential(conv_bn(w, 32), nn.Conv2d(32, classes, 1)) for w in (48, 64))
        self.bins, self.classes = bins, classes
        self.register_buffer("project", torch.arange(bins, dtype=torch.float32).view(1, bins, 1, 1))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        low = self.low(self.stem(x))
        high = self.high(low)
        low = self.neck(torch.cat([F.interpolate(high, scale_factor=2.0, mode="nearest"), low], 1))
        found = []
        for f, box, label in zip((low, high), self.boxes, self.labels, strict=True):
            found.append(torch.cat([box(f), label(f)], 1).flatten(2))
        box, label = torch.cat(found, 2).split((4 * self.bins, self.classes), 1)
        n, _, anchors = box.shape
        box = box.view(n, 4, self.bins, anchors).transpose(2, 1).softmax(1)
        return (box * self.project).sum(1), label.sigmoid()


@net()
def yolo_c2f() -> Net:
    return Yolo(), (image(size=32),)


class Csp(nn.Module):
    def __init__(self, i: int, o: int) -> None:
        super().__init__()
        self.left, self.right = conv_bn(i, o // 2, 1), conv_bn(i, o // 2, 1)
        self.blocks, self.leave = nn.Sequential(Residual(o // 2), Residual(o // 2)), conv_bn(o, o, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.leave(torch.cat((self.blocks(self.left(x)), self.right(x)), dim=1))


@net()
def csp_darknet() -> Net:
    act = nn.LeakyReLU(0.1)
    return nn.Sequential(conv_bn(3, 32, act=act), Csp(32, 64), conv_bn(64, 64, 3, 2, act=act), Csp(64, 64), head(64)), (
        image(),
    )


class Pyramid(nn.Module):
    """FPN top down with additions, PAN bottom up with concatenations, three outputs."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.stages = nn.ModuleList([conv_bn(3, 32, 3, 2), conv_bn(32, 48, 3, 2), conv_bn(48, 64, 3, 2)])
        self.laterals = nn.ModuleList(nn.Conv2d(c, width, 1) for c in (32, 48, 64))
        self.down = nn.ModuleList(conv_bn(width, width, 3, 2) for _ in range(2))
        self.merge = nn.ModuleList(conv_bn(2 * width, width) for _ in range(2))
        self.heads = nn.ModuleList(nn.Conv2d(width, 6, 1) for _ in range(3))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        features = []
        for stage, lateral in zip(self.stages, self.laterals, strict=True):
            x = stage(x)
            features.append(lateral(x))
        a, b, c = features
        b = b + F.interpolate(c, size=b.shape[-2:], mode="nearest")
        a = a + F.interpolate(b, scale_factor=2.0, mode="bilinear", align_corners=False)
        b = self.merge[0](torch.cat((self.down[0](a), b), 1))
        c = self.merge[1](torch.cat((self.down[1](b), c), 1))
        return tuple(h(f) for h, f in zip(self.heads, (a, b, c), strict=True))


@net()
def fpn_pan() -> Net:
    return Pyramid(), (image(size=32),)


class Res2Block(nn.Module):
    """Parts of the channels, each convolved with the sum of itself and what came before (Gao et al. 2019, Res2Net)."""

    def __init__(self, c: int, parts: int = 4) -> None:
        super().__init__()
        self.width = c // parts
        self.first, self.last = conv_bn(c, c, 1), nn.Conv2d(c, c, 1)
        self.inner = nn.ModuleList(conv_bn(self.width, self.width) for _ in range(parts - 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        *parts, untouched = torch.split(self.first(x), self.width, 1)
        made: list[torch.Tensor] = []
        for part, conv in zip(parts, self.inner, strict=True):
            made.append(conv(part + made[-1] if made else part))
        return torch.relu(x + self.last(torch.cat([*made, untouched], 1)))


@net()
def res2net() -> Net:
    return nn.Sequential(conv_bn(3, 32), Res2Block(32), Res2Block(32), head(32)), (image(size=8),)
