"""What the student is held to: each function compares some of its values with the teacher's."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from typing import Any, Literal, TypeAlias

import torch
import torch.nn.functional as F

from lissom.ir.errors import DataError, Error
from lissom.ir.graph import Graph
from lissom.ir.values import Value
from lissom.passes.train.matching import Pair, channel_axis, logits_of, stage_ends

Name: TypeAlias = Literal["logits", "outputs", "hints", "attention", "blocks"]
Values: TypeAlias = "dict[Value, torch.Tensor]"


class Loss(ABC):
    """A term of the loss, over pairs of values. ``cut`` are values of the student that end a block."""

    def __init__(self, pairs: list[Pair]) -> None:
        self.pairs = pairs
        self.parameters: list[torch.nn.Parameter] = []
        self.cut: Collection[Value] = ()

    def __call__(self, student: Values, teacher: Values) -> torch.Tensor:
        """The mean over the pairs."""
        terms = [self.compare(i, student[a], teacher[b]) for i, (a, b) in enumerate(self.pairs)]
        return torch.stack(terms).mean()

    @abstractmethod
    def compare(self, index: int, ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
        """The term of one pair."""


class Logits(Loss):
    """Softened probabilities: T^2 KL(teacher || student) (Hinton, Vinyals, Dean 2015, arXiv:1503.02531, section 2)."""

    def __init__(self, outputs: list[Pair], temperature: float) -> None:
        found = [(logits_of(a), logits_of(b)) for a, b in outputs]
        super().__init__([(a, b) for (a, _), (b, _) in found])
        self.axes = [(i, j) for (_, i), (_, j) in found]
        self.temperature = temperature

    def compare(self, index: int, ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
        a, b = self.axes[index]
        t = self.temperature
        q = torch.log_softmax(ours.movedim(a, -1) / t, -1)
        p = torch.log_softmax(theirs.movedim(b, -1) / t, -1)
        if q.shape != p.shape:
            raise Error(f"loss logits: the student has {list(q.shape)} (batch, classes), the teacher {list(p.shape)}")
        return t * t * (p.exp() * (p - q)).sum(-1).mean()


class Reconstruction(Loss):
    """Squared error, relative to the mean square of what the teacher has: of outputs, or block by block.

    With ``blocks`` each pair ends a block, and no gradient leaves it: every block learns to make the teacher's values
    of what the student's blocks before it give (He et al. 2017, arXiv:1707.06168; BRECQ, Li et al. 2021,
    arXiv:2102.05426). No labels are needed.
    """

    def __init__(self, pairs: list[Pair], *, blocks: bool = False) -> None:
        super().__init__(pairs)
        if blocks:
            self.cut = {a for a, _ in pairs}

    def compare(self, index: int, ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
        if ours.shape != theirs.shape:
            a, b = self.pairs[index]
            raise Error(
                f"the student has {a.type} at {a.name!r}, the teacher {b.type} at {b.name!r}; loss=hints projects"
            )
        return F.mse_loss(ours, theirs) / theirs.square().mean().clamp_min(1e-12)


class Hints(Loss):
    """Features, through a learned projection of the student's channels to the teacher's (FitNets, Romero et al. 2015,
    arXiv:1412.6550, section 2.2). The projection is dropped after training; where widths agree it begins as identity.
    """

    def __init__(self, pairs: list[Pair], seed: int, device: torch.device) -> None:
        super().__init__(pairs)
        rng = torch.Generator().manual_seed(seed)
        for a, b in pairs:
            m, n = _channels(a), _channels(b)
            start = torch.eye(m) if m == n else torch.randn(n, m, generator=rng) / math.sqrt(m)
            self.parameters.append(torch.nn.Parameter(start.to(device)))

    def compare(self, index: int, ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
        a, b = (channel_axis(v) for v in self.pairs[index])
        projected = F.linear(ours.movedim(a, -1), self.parameters[index].to(ours.dtype)).movedim(-1, b)
        _require_same_sizes(projected, theirs, self.pairs[index])
        return F.mse_loss(projected, theirs) / theirs.square().mean().clamp_min(1e-12)


class Attention(Loss):
    """Maps of attention: squares summed over channels, of length 1 (Zagoruyko et al. 2017, arXiv:1612.03928, eq. 2)."""

    def compare(self, index: int, ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
        a, b = (
            F.normalize(x.square().sum(channel_axis(v)).flatten(1), dim=1)
            for v, x in zip(self.pairs[index], (ours, theirs), strict=True)
        )
        _require_same_sizes(a, b, self.pairs[index])
        return (a - b).square().sum(1).mean() / 2


class Custom:
    """A function of the user's: ``f(outputs, teacher_outputs, labels)``, lists of tensors in the order of the graph's
    outputs (None without a teacher) and a tensor or None, gives a scalar.
    """

    def __init__(self, name: str, function: Callable[..., Any], student: Graph, teacher: Graph | None) -> None:
        self.name, self.function = name, function
        self.outputs = student.outputs
        self.taught = None if teacher is None else teacher.outputs

    def given(self, student: Values, teacher: Values, labels: torch.Tensor | None) -> torch.Tensor:
        taught = None if self.taught is None else [teacher[v] for v in self.taught]
        value = self.function([student[v] for v in self.outputs], taught, labels)
        if not isinstance(value, torch.Tensor) or value.ndim or not value.requires_grad:
            raise Error(f"loss {self.name} gives {value!r}; it must give a scalar tensor that depends on the outputs")
        return value


def cross_entropy(scores: torch.Tensor, labels: torch.Tensor, axis: int) -> torch.Tensor:
    """The loss of a classifier: ``labels`` (int64) has the shape of ``scores`` without ``axis``."""
    scores = by_class(scores, labels, axis)
    classes = scores.shape[-1]
    if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise DataError(
            f"labels y are {int(labels.min())} to {int(labels.max())}, and the network has {classes} classes"
        )
    return F.cross_entropy(scores.reshape(-1, classes), labels.reshape(-1))


def squared_error(ours: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The loss of a regression: ``labels`` (float32) has the shape of the output."""
    if labels.shape != ours.shape:
        raise DataError(f"labels y of shape {list(labels.shape)} for outputs of shape {list(ours.shape)}")
    return F.mse_loss(ours, labels)


def by_class(scores: torch.Tensor, labels: torch.Tensor, axis: int) -> torch.Tensor:
    """Scores with the classes along the last axis: those of ``axis``, or of another that fits the labels better."""
    for candidate in (axis, 1, -1) if scores.ndim > 1 else ():
        moved = scores.movedim(candidate, -1)
        if moved.shape[:-1].numel() == labels.numel():
            return moved
    raise DataError(
        f"integer labels y of shape {list(labels.shape)} do not fit outputs of shape {list(scores.shape)}: "
        "there should be one for each sample, or each place of a map"
    )


def make(
    name: str, pairs: Callable[[], list[Pair]], outputs: list[Pair], temperature: float, seed: int, device: torch.device
) -> Loss:
    """The loss called ``name``; ``pairs`` gives the inner values to compare. Raises Error where there are none."""
    if not outputs:
        raise Error(f"loss {name} compares outputs, and the network has none of floats")
    if name == "logits":
        return Logits(outputs, temperature)
    if name == "outputs":
        return Reconstruction(outputs)
    found = pairs()
    if name == "attention":
        found = [(a, b) for a, b in found if a.type.rank > 2]
    if not found:
        raise Error(
            f"loss {name} compares values inside the network, and student and teacher have none in common; name them: "
            "layers={'student name': 'teacher name'}; loss=hints projects those of other widths"
        )
    if name == "blocks":
        known = {a for a, _ in found}
        return Reconstruction([*found, *(p for p in outputs if p[0] not in known)], blocks=True)
    return Hints(found, seed, device) if name == "hints" else Attention(found)


def default_pairs(name: str, pairs: list[Pair]) -> list[Pair]:
    """Of all pairs those a loss compares by default: every one of one size for blocks, else the last of each
    resolution."""
    return [(a, b) for a, b in pairs if a.type == b.type] if name == "blocks" else stage_ends(pairs)


def _channels(v: Value) -> int:
    size = v.type.dims[channel_axis(v)]
    if not isinstance(size, int):
        raise Error(f"loss hints: the number of channels of {v.name!r} is not known: {v.type}")
    return size


def _require_same_sizes(a: torch.Tensor, b: torch.Tensor, pair: Pair) -> None:
    if a.shape != b.shape:
        raise Error(
            f"{pair[0].name!r} of the student and {pair[1].name!r} of the teacher differ in size: "
            f"{pair[0].type}, {pair[1].type}"
        )
