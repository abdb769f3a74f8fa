"""Uses that freeze channels, or seem to: weights that are computed, softmax over channels, channels as a sequence."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from zoo.entry import Net, conv_bn, head, image, net


class Standardized(nn.Conv2d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        w = self.weight
        w = (w - w.mean((1, 2, 3), keepdim=True)) / (w.std((1, 2, 3), keepdim=True) + 1e-5)
        return self._conv_forward(x, w, self.bias)


@net()
def weight_standardization() -> Net:
    """The standardized weights are constant: fold computes them, and nothing stands in the way."""
    layers = [Standardized(3, 32, 3), nn.GroupNorm(4, 32), nn.ReLU(), Standardized(32, 64, 3), nn.GroupNorm(4, 64)]
    return nn.Sequential(*layers, nn.ReLU(), head(64)), (image(),)


class DynamicWeights(nn.Module):
    """A network that computes the weights of another's layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.hyper = nn.Linear(16, 64), nn.Linear(16, 64 * 8)
        self.hidden = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        w = self.hyper(x).view(-1, 8, 64)
        return self.hidden(torch.bmm(w, self.stem(x).unsqueeze(-1)).squeeze(-1))


@net(0.47, "of the 8 x 64 computed weights either rows or columns can go")
def hyper_network() -> Net:
    return DynamicWeights(), (torch.randn(2, 16),)


class ChannelSoftmax(nn.Module):
    """A softmax over channels and a selection of the largest: the channels stay, those behind and before do not."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.gates, self.behind = conv_bn(3, 64), nn.Conv2d(64, 64, 1), conv_bn(64, 64)
        self.head = head(64)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.before(x)
        gates = self.gates(x).softmax(1)
        return self.head(self.behind(x * gates)), gates.argmax(1)


@net(0.58, "which channel is largest is an output: gates and what they multiply stay")
def channel_softmax() -> Net:
    return ChannelSoftmax(), (image(),)


class Maxout(nn.Module):
    """The maximum over pieces of the channels, a gated linear unit, and a sum over groups of channels."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 64, 3), nn.Conv2d(32, 96, 3), nn.Conv2d(48, 64, 3)
        self.head = head(32)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.a(x)
        n, c, h, w = x.shape
        x = x.view(n, c // 2, 2, h, w).amax(2)
        x = F.glu(self.b(x), 1)
        x = self.c(x)
        n, c, h, w = x.shape
        return self.head(x.view(n, 2, c // 2, h, w).sum(1).relu())


@net()
def maxout_glu() -> Net:
    return Maxout(), (image(),)


class SelectiveKernel(nn.Module):
    """Branches stacked on an axis of their own, weighted by a softmax over it (SKNet, ResNeSt)."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.stem = conv_bn(3, width)
        self.branches = nn.ModuleList(conv_bn(width, width, k) for k in (3, 1))
        self.reduce, self.expand, self.head = nn.Linear(width, 16), nn.Linear(16, 2 * width), head(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        stacked = torch.stack([b(x) for b in self.branches], 1)
        n, k, c, _, _ = stacked.shape
        weights = self.expand(F.relu(self.reduce(stacked.sum(1).mean((2, 3))))).view(n, k, c).softmax(1)
        return self.head((stacked * weights[..., None, None]).sum(1))


@net()
def selective_kernel() -> Net:
    return SelectiveKernel(), (image(),)


class Cbam(nn.Module):
    """Channel attention from mean and maximum, and spatial attention from statistics over the channels."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.stem, self.body = conv_bn(3, width), conv_bn(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 16), nn.ReLU(), nn.Linear(16, width))
        self.spatial, self.head = nn.Conv2d(2, 1, 7, padding=3), head(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.body(self.stem(x))
        x = x * (self.mlp(x.mean((2, 3))) + self.mlp(x.amax((2, 3)))).sigmoid()[..., None, None]
        pooled = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return self.head(x * self.spatial(pooled).sigmoid())


@net()
def cbam() -> Net:
    return Cbam(), (image(),)


class Rearranged(nn.Module):
    """Channels split, transposed, flipped, padded, repeated and gathered in an order of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = conv_bn(3, 48), conv_bn(48, 64), conv_bn(96, 64), conv_bn(128, 48)
        self.head = head(48)
        self.register_buffer("order", torch.randperm(48))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.b(self.a(x)[:, self.order].flip(1))
        x = F.pad(x, (0, 0, 0, 0, 16, 16))
        x = self.c(x).repeat_interleave(2, 1)
        return self.head(self.d(x))


@net()
def rearranged() -> Net:
    return Rearranged(), (image(),)


class Bilinear(nn.Module):
    """All products of two features, flattened (bilinear pooling)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_bn(3, 32), conv_bn(32, 32))
        self.left, self.right = nn.Conv2d(32, 16, 1), nn.Conv2d(32, 16, 1)
        self.head = nn.Linear(256, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        a, b = self.left(x).flatten(2), self.right(x).flatten(2)
        return self.head(torch.bmm(a, b.transpose(1, 2)).flatten(1))


@net(0.33, "a weight of the last layer reads a product of two channels: of the two factors one side goes")
def bilinear_pooling() -> Net:
    return Bilinear(), (image(),)
