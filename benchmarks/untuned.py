"""Instructions on Arm processors of networks that no kernel was made for, and what of them goes by portable kernels.

    python -m benchmarks.untuned [--target T ...] [--layers] [NAME ...]

Small networks of kinds that are not in the other tables, with random weights: int8, quantized on noise, compiled with
int8 inputs and outputs and run once under qemu, whose plugin counts. The bytes are compared with the interpreter's.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import lissom as ls
from lissom.bench.instructions import Counted, counted

TARGETS = ("cortex-m4", "cortex-m55", "aarch64+dotprod")
PORTABLE = ("_m4", "_m55", "aarch64")
"""What is in the name of every kernel that is not portable."""


def block(i: int, o: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(i, o, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(o), nn.ReLU())


class UNet(nn.Module):
    """Two levels, which go up again by transposed convolutions or by interpolation."""

    def __init__(self, *up: nn.Module) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            [nn.Sequential(block(1, 16), block(16, 16)), nn.Sequential(block(16, 32), block(32, 32))]
        )
        self.deep, self.up = block(32, 48), nn.ModuleList(up)
        self.ends = nn.ModuleList([block(64, 32), block(32, 16)])
        self.out = nn.Conv2d(16, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.down[0](x)
        b = self.down[1](F.max_pool2d(a, 2))
        y = self.ends[0](torch.cat([self.up[0](self.deep(F.max_pool2d(b, 2))), b], 1))
        return self.out(self.ends[1](torch.cat([self.up[1](y), a], 1)))  # type: ignore[no-any-return]


def transposed() -> nn.Module:
    return UNet(nn.ConvTranspose2d(48, 32, 2, 2), nn.ConvTranspose2d(32, 16, 3, 2, 1, 1))


def interpolated() -> nn.Module:
    bilinear = nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(48, 32, 1))
    return UNet(bilinear, nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(32, 16, 3, padding=1)))


class Shuffle(nn.Module):
    """A unit of ShuffleNetV2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.branch = nn.Sequential(block(half, half, 1), block(half, half, 3, 1, half), block(half, half, 1))

    def forward(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, 1)
        n, c, h, w = x.shape
        y = torch.cat([left, self.branch(right)], 1).view(n, 2, c // 2, h, w)
        return y.transpose(1, 2).reshape(n, c, h, w)


class Dense(nn.Module):
    """A layer of DenseNet."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, 32, 1, bias=False))
        self.body = nn.Sequential(narrow, nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 8, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.body(x)], 1)


class Causal(nn.Module):
    """A block of a temporal convolutional network."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.cut = 2 * dilation
        self.body = nn.ModuleList(nn.Conv1d(channels, channels, 3, padding=self.cut, dilation=dilation) for _ in "ab")

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for conv in self.body:
            y = F.relu(conv(y)[:, :, : -self.cut])
        return F.relu(x + y)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.end = nn.GRU(40, 64, batch_first=True), nn.Linear(64, 12)

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self.body(x)[0][:, -1])  # type: ignore[no-any-return]


def ended(*layers: nn.Module, channels: int) -> nn.Module:
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def words() -> nn.Module:
    """Keywords by convolutions over time."""
    sizes = ((40, 48, 1), (48, 48, 2), (48, 64, 2), (64, 64, 2), (64, 96, 2))
    body = [nn.Sequential(nn.Conv1d(i, o, 9, s, 4), nn.BatchNorm1d(o), nn.ReLU()) for i, o, s in sizes]
    return nn.Sequential(*body, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(96, 12))


def wide() -> nn.Module:
    """Depthwise layers of 5x5 on few pixels, behind a PRelu."""
    first = nn.Sequential(nn.Conv2d(3, 24, 3, 2, 1), nn.PReLU(24), nn.AvgPool2d(2))
    return ended(
        first, block(24, 96, 1), block(96, 96, 5, 2, 96), block(96, 40, 1), block(40, 40, 5, 1, 40), channels=40
    )


def dense() -> nn.Module:
    return ended(nn.Conv2d(3, 16, 3, padding=1), *(Dense(16 + 8 * i) for i in range(4)), channels=48)


def shuffled() -> nn.Module:
    return ended(block(3, 24, 3, 2), nn.MaxPool2d(3, 2, 1), Shuffle(24), Shuffle(24), channels=24)


def temporal() -> nn.Module:
    return nn.Sequential(nn.Conv1d(8, 32, 1), *(Causal(32, d) for d in (1, 2, 4, 8)), nn.Conv1d(32, 4, 1))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "U-Net, transposed": (transposed, (1, 32, 32)),
    "U-Net, interpolated": (interpolated, (1, 32, 32)),
    "shuffled": (shuffled, (3, 64, 64)),
    "dense": (dense, (3, 32, 32)),
    "5x5 depthwise": (wide, (3, 48, 48)),
    "words": (words, (40, 64)),
    "temporal": (temporal, (8, 64)),
    "GRU": (Recurrent, (10, 40)),
}
"""Each with the shape of its input."""


def count(name: str, target: str) -> tuple[Counted, bool]:
    """What a network takes at a target, and whether its results are the interpreter's."""
    make, shape = NETWORKS[name]
    torch.manual_seed(0)
    x = np.random.default_rng(0).standard_normal((5, *shape)).astype(np.float32)
    graph = ls.from_torch(make().eval(), (torch.from_numpy(x[:1]),))
    integers = ls.run("fold, quantize(int8)", graph, data=[x[i : i + 1] for i in range(4)])
    with tempfile.TemporaryDirectory() as folder:
        ls.emit(integers, Path(folder, "out"), target=target, io="int8")
        ls.emit(integers, Path(folder, "float"), target=target)
        artifact = ls.Artifact(Path(folder, "out"))
        (got,), (wanted,) = ls.Artifact(Path(folder, "float")).run(x[4:]), ls.evaluate(integers, x[4:])
        found = counted(artifact, {artifact.report["inputs"][0]["name"]: x[4:]})
    return found, bool((got == wanted).all())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NETWORKS))
    parser.add_argument("--target", action="append", help=f"by default {', '.join(TARGETS)}")
    parser.add_argument("--layers", action="store_true", help="also print each layer")
    given = parser.parse_args()
    print("| network | target | MMAC | instructions | a MAC | portable | bytes |")
    print("|---|---|--:|--:|--:|--:|---|")
    for name in given.names or NETWORKS:
        for target in given.target or TARGETS:
            x, is_equal = count(name, target)
            portable = sum(y.instructions for y in x.layers if not any(p in y.kernel for p in PORTABLE))
            each = f"{x.macs / 1e6:.3g} | {x.instructions / 1e6:.3f} M | {x.instructions / x.macs:.2f}"
            end = f"{portable / x.instructions:.1%} | {'all' if is_equal else 'not all'}"
            print(f"| {name} | {target} | {each} | {end} |", flush=True)
            for row in x.rows() if given.layers else []:
                print("  ".join(f"{cell.rstrip('>'):>14.40}" for cell in row[1:]))


if __name__ == "__main__":
    main()
