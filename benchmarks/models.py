"""The networks of the speed table as PyTorch modules with seeded random weights, and what one sample looks like.

    module, shape = build("mobilenet_v2")

Speed does not depend on what weights are, except that numbers must not vanish or overflow on their way: weights are
drawn after He et al. (2015), and batch norms take their statistics from random inputs, so that every activation stays
of order one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

Shape = tuple[int, ...]


def convolution(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1, act: type[nn.Module] | None = nn.ReLU
) -> nn.Sequential:
    """Convolution, batch norm and activation, padded so that stride 1 keeps the size."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), *([act()] if act else []))


class Classifier(nn.Module):
    """Features, their mean over the image, and a linear layer."""

    def __init__(self, features: nn.Sequential, channels: int, classes: int) -> None:
        super().__init__()
        self.features = features
        self.classify = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.classify(self.features(x).mean((2, 3)))
        return scores


def mobilenet_v1(width: float = 1.0, classes: int = 1000) -> nn.Module:
    """MobileNet (Howard et al. 2017); 0.25 with 2 classes is the visual wake words network of MLPerf Tiny."""
    plan = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    channels = int(32 * width)
    layers = [convolution(3, channels, stride=2, act=nn.ReLU6)]
    for full, stride in plan:
        layers.append(convolution(channels, channels, stride=stride, groups=channels, act=nn.ReLU6))
        layers.append(convolution(channels, int(full * width), 1, act=nn.ReLU6))
        channels = int(full * width)
    return Classifier(nn.Sequential(*layers), channels, classes)


class InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow; added to the input where shapes agree (Sandler et al. 2018)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, widen: int) -> None:
        super().__init__()
        hidden = inputs * widen
        self.adds = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            *([convolution(inputs, hidden, 1, act=nn.ReLU6)] if widen > 1 else []),
            convolution(hidden, hidden, kernel, stride, hidden, act=nn.ReLU6),
            convolution(hidden, outputs, 1, act=None),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        return x + y if self.adds else y


def inverted_residuals(plan: list[tuple[int, int, int, int, int]]) -> nn.Module:
    """A network of rows ``(widen, kernel, channels, repeats, first stride)``."""
    channels = 32
    layers: list[nn.Module] = [convolution(3, channels, stride=2, act=nn.ReLU6)]
    for widen, kernel, outputs, repeats, stride in plan:
        for i in range(repeats):
            layers.append(InvertedResidual(channels, outputs, kernel, stride if i == 0 else 1, widen))
            channels = outputs
    layers.append(convolution(channels, 1280, 1, act=nn.ReLU6))
    return Classifier(nn.Sequential(*layers), 1280, 1000)


def mobilenet_v2() -> nn.Module:
    """MobileNetV2 1.0 (Sandler et al. 2018)."""
    plan = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    return inverted_residuals([(widen, 3, channels, repeats, stride) for widen, channels, repeats, stride in plan])


def efficientnet_lite0() -> nn.Module:
    """EfficientNet-Lite0: EfficientNet-B0 (Tan & Le 2019) with ReLU6 and without squeeze and excitation."""
    plan = [(1, 3, 16, 1, 1), (6, 3, 24, 2, 2), (6, 5, 40, 2, 2), (6, 3, 80, 3, 2), (6, 5, 112, 3, 1)]
    return inverted_residuals([*plan, (6, 5, 192, 4, 2), (6, 3, 320, 1, 1)])


class Residual(nn.Module):
    """A body and a short cut, added (He et al. 2016)."""

    def __init__(self, body: nn.Sequential, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        same = inputs == outputs and stride == 1
        self.body = body
        self.short = nn.Identity() if same else convolution(inputs, outputs, 1, stride, act=None)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.body(x) + self.short(x))


def basic(inputs: int, outputs: int, stride: int) -> nn.Module:
    """Two 3x3 convolutions."""
    body = nn.Sequential(convolution(inputs, outputs, 3, stride), convolution(outputs, outputs, act=None))
    return Residual(body, inputs, outputs, stride)


def bottleneck(inputs: int, outputs: int, stride: int) -> nn.Module:
    """1x1, 3x3, 1x1; a quarter of the channels inside."""
    inner = outputs // 4
    body = nn.Sequential(
        convolution(inputs, inner, 1), convolution(inner, inner, 3, stride), convolution(inner, outputs, 1, act=None)
    )
    return Residual(body, inputs, outputs, stride)


def resnet(block: Callable[[int, int, int], nn.Module], depths: list[int], widen: int) -> nn.Module:
    """A ResNet for ImageNet."""
    layers: list[nn.Module] = [convolution(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for stage, depth in enumerate(depths):
        outputs = (64 << stage) * widen
        for i in range(depth):
            layers.append(block(channels, outputs, 2 if stage and i == 0 else 1))
            channels = outputs
    return Classifier(nn.Sequential(*layers), channels, 1000)


def resnet8() -> nn.Module:
    """The image classification network of MLPerf Tiny."""
    blocks = [basic(16, 16, 1), basic(16, 32, 2), basic(32, 64, 2)]
    return Classifier(nn.Sequential(convolution(3, 16), *blocks), 64, 10)


class Fire(nn.Module):
    """Squeeze, then expand by 1x1 and 3x3 side by side (Iandola et al. 2016)."""

    def __init__(self, inputs: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeeze, 1)
        self.point = nn.Conv2d(squeeze, expand, 1)
        self.window = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.squeeze(x))
        return functional.relu(torch.cat([self.point(x), self.window(x)], 1))


class SqueezeNet(nn.Module):
    """SqueezeNet 1.1."""

    def __init__(self) -> None:
        super().__init__()
        plan = [(64, 16, 64), (128, 16, 64), None, (128, 32, 128), (256, 32, 128), None]
        plan += [(256, 48, 192), (384, 48, 192), (384, 64, 256), (512, 64, 256)]
        layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2)]
        layers += [nn.MaxPool2d(3, 2) if fire is None else Fire(*fire) for fire in plan]
        self.features = nn.Sequential(*layers, nn.Conv2d(512, 1000, 1), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.features(x).mean((2, 3))
        return scores


def dscnn() -> nn.Module:
    """The keyword spotting network of MLPerf Tiny, on 49 frames of 10 coefficients."""
    first = nn.Sequential(
        nn.ConstantPad2d((1, 1, 4, 5), 0.0), nn.Conv2d(1, 64, (10, 4), 2, bias=False), nn.BatchNorm2d(64), nn.ReLU()
    )
    pairs = [layer for _ in range(4) for layer in (convolution(64, 64, groups=64), convolution(64, 64, 1))]
    return Classifier(nn.Sequential(first, *pairs), 64, 12)


def autoencoder() -> nn.Module:
    """The anomaly detection network of MLPerf Tiny."""
    sizes = [640, 128, 128, 128, 128, 8, 128, 128, 128, 128]
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(128, 640))


class TransformerBlock(nn.Module):
    """Attention and a feed-forward layer, each behind a layer norm (Xiong et al. 2020)."""

    def __init__(self, width: int = 128, heads: int = 4) -> None:
        super().__init__()
        self.heads, self.scale = heads, 1 / math.sqrt(width // heads)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape

        def split(y: Tensor) -> Tensor:
            return y.reshape(batch, tokens, self.heads, width // self.heads).transpose(1, 2)

        y = self.norm1(x)
        query, key, value = split(self.query(y)), split(self.key(y)), split(self.value(y))
        attention = torch.softmax(query @ key.transpose(-1, -2) * self.scale, -1)
        x = x + self.out((attention @ value).transpose(1, 2).reshape(batch, tokens, width))
        z: Tensor = x + self.narrow(functional.relu(self.wide(self.norm2(x))))
        return z


IMAGE = (1, 3, 224, 224)
MODELS: dict[str, tuple[Callable[[], nn.Module], Shape]] = {
    "mobilenet_v1": (mobilenet_v1, IMAGE),
    "mobilenet_v2": (mobilenet_v2, IMAGE),
    "resnet18": (lambda: resnet(basic, [2, 2, 2, 2], 1), IMAGE),
    "resnet50": (lambda: resnet(bottleneck, [3, 4, 6, 3], 4), IMAGE),
    "squeezenet": (SqueezeNet, IMAGE),
    "efficientnet_lite0": (efficientnet_lite0, IMAGE),
    "tiny_resnet8": (resnet8, (1, 3, 32, 32)),
    "tiny_dscnn": (dscnn, (1, 1, 49, 10)),
    "tiny_mobilenet": (lambda: mobilenet_v1(0.25, 2), (1, 3, 96, 96)),
    "tiny_autoencoder": (autoencoder, (1, 640)),
    "transformer": (TransformerBlock, (1, 64, 128)),
}


def build(name: str, seed: int = 0) -> tuple[nn.Module, Shape]:
    """A network in evaluation mode, and the shape of its input."""
    torch.manual_seed(seed)
    make, shape = MODELS[name]
    module = make()
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu" if name != "transformer" else "linear")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # statistics are the mean over all batches
        nn.init.uniform_(norm.weight, 0.7, 1.3)
        nn.init.normal_(norm.bias, 0, 0.1)
    if norms:
        module.train()
        with torch.no_grad():
            for _ in range(2):
                module(torch.randn(4 if shape == IMAGE else 32, *shape[1:]))
    return module.eval(), shape
