"""Plain stacks of convolutions: LeNet, AlexNet, VGG; other ranks and activations."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from zoo import entry
from zoo.entry import Net, image, net


@net()
def lenet() -> Net:
    features = [nn.Conv2d(1, 16, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2), nn.Conv2d(16, 32, 5), nn.MaxPool2d(2)]
    return nn.Sequential(
        *features, nn.Flatten(), nn.Linear(32 * 25, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)
    ), (image(1, 28),)


@net(0.41, "its response norm is written as a window that slides over the channels: neighbours matter", onnx=False)
def alexnet() -> Net:
    return nn.Sequential(
        nn.Conv2d(3, 32, 5, 2, 2),
        nn.ReLU(),
        nn.LocalResponseNorm(5),
        nn.Conv2d(32, 64, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.MaxPool2d(4),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(256, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    ), (image(),)


@net()
def vgg() -> Net:
    layers: list[nn.Module] = []
    for i, o in ((3, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(i, o, 3, padding="same"), nn.BatchNorm2d(o), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10)), (image(),)


@net()
def conv1d() -> Net:
    layers = [nn.Conv1d(8, 32, 7, 2, 3), nn.BatchNorm1d(32), nn.ELU(), nn.Conv1d(32, 64, 5), nn.GELU()]
    more = [nn.Conv1d(64, 64, 3, dilation=2), nn.SELU(), nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(64, 5)]
    return nn.Sequential(*layers, *more), (torch.randn(2, 8, 64),)


@net()
def conv3d() -> Net:
    layers = [nn.Conv3d(2, 16, 3, padding=1), nn.BatchNorm3d(16), nn.ReLU(), nn.MaxPool3d(2)]
    more = [nn.Conv3d(16, 32, 3), nn.InstanceNorm3d(32, affine=True), nn.LeakyReLU(), nn.AvgPool3d(2), nn.Flatten()]
    return nn.Sequential(*layers, *more, nn.Linear(32, 5)), (torch.randn(2, 2, 8, 8, 8),)


@net()
def prelu() -> Net:
    layers = [
        nn.Conv2d(3, 32, 3),
        nn.PReLU(32),
        nn.Conv2d(32, 64, 3, 2),
        nn.PReLU(),
        nn.Conv2d(64, 64, 3),
        nn.PReLU(64),
    ]
    return nn.Sequential(*layers, entry.head(64)), (image(),)


@net()
def depth_multiplier() -> Net:
    """Depthwise convolutions with several outputs a channel, and dilated ones."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1, groups=32),
        nn.BatchNorm2d(64),
        nn.ReLU6(),
        nn.Conv2d(64, 64, 3),
        nn.Conv2d(64, 64, 3, padding=2, dilation=2, groups=64),
        nn.Hardswish(),
        entry.head(64),
    ), (image(),)


@net()
def autoencoder() -> Net:
    sizes = [40, 128, 128, 16, 128, 128]
    layers: list[nn.Module] = []
    for i, o in pairwise(sizes):
        layers += [nn.Linear(i, o), nn.BatchNorm1d(o), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(128, 40)), (torch.randn(2, 40),)
