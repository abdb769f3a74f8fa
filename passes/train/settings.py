"""How to train: the options that every pass that trains has."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from lissom.ir.errors import Error
from lissom.passes.options import Options
from lissom.passes.train.penalties import Name as Penalty

Device: TypeAlias = Literal["auto", "cpu", "cuda"]

BESIDES = ("checkpoint", "every", "progress")
"""Settings that the result does not depend on."""


@dataclass(frozen=True, kw_only=True)
class Settings(Options):
    """How to train. Raises Error for a number that means nothing.

    epochs: how often all data is gone through.
    lr: the learning rate it begins with.
    batch: samples a step.
    optimizer: sgd has Nesterov momentum 0.9.
    schedule: how the learning rate falls to zero.
    decay: weight decay of weights of two or more axes.
    batch_norm: whether batch normalizations keep their statistics, or take those of each batch and learn them.
    grids: whether grids that are not learned stay, or those of weights follow these and those of activations a moving
        average of their extremes.
    freeze: share of the training after which the statistics and grids that move stay as they are.
    dropout: whether Dropout drops.
    penalty: terms that make weights small, by strength, such as {l1: 1e-5}; see docs/training.md.
    sparsity: share of each weight to mask in the end, smallest magnitudes first, rising over the first two thirds.
    shuffle: whether data is kept in memory and drawn in random order; false reads it as it comes, anew every epoch.
    holdout: share of the data to measure on instead.
    patience: epochs without improvement on held-out data after which to stop and take the best; none: never.
    device: auto is CUDA where there is some.
    checkpoint: folder for checkpoints, from which the same run goes on if it is killed.
    every: seconds between checkpoints.
    progress: whether to show a progress bar; none: where stderr is a terminal.
    """

    epochs: int = 1
    lr: float = 1e-3
    batch: int = 128
    optimizer: Literal["sgd", "adamw"] = "adamw"
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    decay: float = 1e-4
    batch_norm: Literal["frozen", "batch"] = "frozen"
    grids: Literal["frozen", "follow"] = "frozen"
    freeze: float = 1.0
    dropout: bool = False
    penalty: dict[Penalty, float] | None = None
    sparsity: float | None = None
    shuffle: bool = True
    holdout: float = 0.0
    patience: int | None = None
    device: Device = "auto"
    checkpoint: str | None = None
    every: float = 30.0
    progress: bool | None = None

    def __post_init__(self) -> None:
        for name, fits, what in (
            ("epochs", self.epochs >= 1, "at least 1"),
            ("lr", self.lr > 0, "above 0"),
            ("batch", self.batch >= 1, "at least 1"),
            ("decay", self.decay >= 0, "at least 0"),
            ("freeze", 0 <= self.freeze <= 1, "between 0 and 1"),
            ("sparsity", self.sparsity is None or 0 < self.sparsity < 1, "between 0 and 1"),
            ("holdout", 0 <= self.holdout < 1, "at least 0 and below 1"),
            ("patience", self.patience is None or self.patience >= 1, "at least 1"),
        ):
            if not fits:
                raise Error(f"{name} is {what}, got {getattr(self, name)!r}")
        if not self.shuffle and (self.holdout or self.patience):
            raise Error("shuffle=false reads the data as a stream, of which nothing can be held out to stop early by")

    @property
    def held_out(self) -> float:
        """The share of the data that is not trained on: stopping early needs some."""
        return self.holdout or (0.1 if self.patience else 0.0)

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 0."""
        left = 1 - step / steps
        if self.schedule == "cosine":
            return self.lr * (1 + math.cos(math.pi * (1 - left))) / 2
        return self.lr * (left if self.schedule == "linear" else 1.0)
