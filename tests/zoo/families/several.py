"""Several inputs, several outputs, weights used twice: Siamese nets, recommendation, two towers, detection heads."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from zoo.entry import Net, conv_bn, head, image, net


class Siamese(nn.Module):
    """One trunk for two images; the features joined, subtracted and multiplied."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            conv_bn(3, 32), nn.MaxPool2d(2), conv_bn(32, 64), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.head = nn.Sequential(nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        a, b = self.trunk(left), self.trunk(right)
        return self.head(torch.cat([a, b, (a - b).abs(), a * b], 1))


@net()
def siamese() -> Net:
    return Siamese(), (image(), image())


class Doubled(nn.Module):
    """``cat([x, x])``, and a sum of its halves crossed over."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = conv_bn(3, 32), conv_bn(64, 64), conv_bn(64, 64)
        self.last = nn.Sequential(conv_bn(64, 64), head(64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.a(x)
        x = self.b(torch.cat([x, x], 1))
        y = self.c(x)
        first, second = y.chunk(2, 1)
        return self.last(x + torch.cat([second, first], 1))


@net()
def cat_x_x() -> Net:
    return Doubled(), (image(),)


class SharedConv(nn.Module):
    """A recurrent convolution, and one head on every level of a pyramid (RetinaNet, FCOS)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.again = conv_bn(3, 48), nn.Conv2d(48, 48, 3, padding=1)
        self.down = nn.Conv2d(48, 48, 3, 2, 1)
        self.tower = nn.Sequential(nn.Conv2d(48, 48, 3, padding=1), nn.ReLU())
        self.label, self.box = nn.Conv2d(48, 5, 3, padding=1), nn.Conv2d(48, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = self.stem(x)
        for _ in range(3):
            x = F.relu(self.again(x))
        labels, boxes = [], []
        for level in (x, self.down(x)):
            y = self.tower(level)
            labels.append(self.label(y).permute(0, 2, 3, 1).flatten(1, 2))
            boxes.append(self.box(y).permute(0, 2, 3, 1).flatten(1, 2))
        return torch.cat(labels, 1), torch.cat(boxes, 1).exp()


@net()
def shared_conv() -> Net:
    return SharedConv(), (image(),)


class ManyInputs(nn.Module):
    """An image, a vector that scales and shifts its channels (FiLM), and a scalar gate."""

    def __init__(self) -> None:
        super().__init__()
        self.image, self.condition = conv_bn(3, 48), nn.Sequential(nn.Linear(16, 48), nn.ReLU(), nn.Linear(48, 96))
        self.body, self.head = conv_bn(48, 48), head(48)

    def forward(self, x: torch.Tensor, vector: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
        scale, shift = self.condition(vector)[..., None, None].chunk(2, 1)
        y = self.image(x) * (1 + scale) + shift
        return self.head(self.body(y) * gate.reshape(-1, 1, 1, 1))


@net()
def film_many_inputs() -> Net:
    return ManyInputs(), (image(), torch.randn(2, 16), torch.randn(2, 1))


class ManyOutputs(nn.Module):
    """Auxiliary heads at several depths, and a dictionary of results."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = conv_bn(3, 32), conv_bn(32, 64, 3, 2), conv_bn(64, 64, 3, 2)
        self.early, self.late, self.map = head(32, 10), head(64, 10), nn.Conv2d(64, 1, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        a = self.a(x)
        b = self.b(a)
        c = self.c(b)
        return self.late(c), self.early(a).log_softmax(1), self.map(b).sigmoid(), c.mean()


@net()
def many_outputs() -> Net:
    return ManyOutputs(), (image(),)


class Dlrm(nn.Module):
    """Recommendation: embedding tables, a bottom network, all pairs of dot products, a top network."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(20, width) for _ in range(3))
        self.bottom = nn.Sequential(nn.Linear(13, 64), nn.ReLU(), nn.Linear(64, width), nn.ReLU())
        self.top = nn.Sequential(nn.Linear(width + 6, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
        rows, columns = torch.tril_indices(4, 4, -1)
        self.register_buffer("pairs", rows * 4 + columns)

    def forward(self, numbers: torch.Tensor, categories: torch.Tensor) -> torch.Tensor:
        x = self.bottom(numbers)
        features = torch.stack([x, *(table(categories[:, i]) for i, table in enumerate(self.tables))], 1)
        products = torch.bmm(features, features.transpose(1, 2)).flatten(1)[:, self.pairs]
        return self.top(torch.cat([x, products], 1)).sigmoid()


@net(0.33, "tables keep their rows: they lose one side only")
def dlrm() -> Net:
    return Dlrm(), (torch.randn(2, 13), torch.randint(0, 20, (2, 3)))


class Contrastive(nn.Module):
    """Two towers, normalized features, a product of all pairs (CLIP)."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Sequential(conv_bn(3, 32, 3, 2), conv_bn(32, 64, 3, 2), head(64, 64))
        self.text = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 64))
        self.scale = nn.Parameter(torch.tensor(1.5))

    def forward(self, x: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        a, b = F.normalize(self.image(x), dim=-1), F.normalize(self.text(text), dim=-1)
        return self.scale.exp() * a @ b.t()


@net()
def clip_towers() -> Net:
    return Contrastive(), (image(), torch.randn(2, 32))
