"""The zoo's register: small networks with every idiom of the original, and what half the channels gone must leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import nn

Net: TypeAlias = tuple[nn.Module, tuple[Any, ...]]
"""A network and example arguments. Axis 0 of every argument is the batch, which may vary."""


@dataclass(frozen=True)
class Entry:
    """``left``: the largest share of parameters that may be left; above 0.31 ``reason`` says why.

    ``onnx`` says whether torch's exporter writes it in ops that have a meaning.
    """

    name: str
    make: Callable[[], Net]
    left: float = 0.31
    reason: str = ""
    onnx: bool = True

    def built(self) -> Net:
        """The network with its weights and statistics at random, but the same each time."""
        torch.manual_seed(0)
        module, args = self.make()
        randomize(module)
        return module.eval(), args


ZOO: dict[str, Entry] = {}


def net(left: float = 0.31, reason: str = "", onnx: bool = True) -> Callable[[Callable[[], Net]], Callable[[], Net]]:
    """Register a network."""
    assert left <= 0.31 or reason, "a bound of its own needs a reason"

    def register(make: Callable[[], Net]) -> Callable[[], Net]:
        ZOO[make.__name__] = Entry(make.__name__, make, left, reason, onnx)
        return make

    return register


def randomize(module: nn.Module) -> None:
    """Statistics and affine parameters other than 0 and 1, so that mixing channels up shows."""
    with torch.no_grad():
        for name, tensor in [*module.named_buffers(), *module.named_parameters()]:
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2)
            elif name.endswith("running_mean") or (tensor.ndim == 1 and tensor.is_floating_point()):
                tensor.uniform_(-0.5, 0.5).add_(0.6 if "weight" in name else 0)


def image(c: int = 3, size: int = 16, n: int = 2) -> torch.Tensor:
    return torch.randn(n, c, size, size)


def conv_bn(
    i: int, o: int, k: int = 3, stride: int = 1, groups: int = 1, act: nn.Module | None = None
) -> nn.Sequential:
    """Conv, BatchNorm and an activation (ReLU), sizes kept at stride 1."""
    return nn.Sequential(
        nn.Conv2d(i, o, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(o), act or nn.ReLU()
    )


def linear_bn(i: int, o: int, k: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Conv and BatchNorm without an activation."""
    return conv_bn(i, o, k, stride, groups, nn.Identity())


def head(width: int, classes: int = 10) -> nn.Sequential:
    """Global pooling and a classifier."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))
