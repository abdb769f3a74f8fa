"""Quantization-aware training: the training loop on a graph whose grids are decided. No loop of its own."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from lissom.passes.fold import fold
from lissom.passes.graph_pass import Step
from lissom.passes.quantize.noise import measure_noise
from lissom.passes.train.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Training(Settings):
    # Statistics and ranges move in the first half, and then stay (Jacob et al. 2018, arXiv:1712.05877, 3.1 and 3.2).
    batch_norm: Literal["frozen", "batch"] = "batch"
    grids: Literal["frozen", "follow"] = "follow"
    freeze: float = 0.5


Training.__doc__ = Settings.__doc__
"""The options are the same, and so is what they mean."""


def training_steps(settings: Training, teacher: bool) -> list[Step]:
    """From decided grids to learned ones, with masked channels dropped and folded weights stored."""
    from lissom.passes.prune import shrink  # these import passes that are declared with this one
    from lissom.passes.train import distill, finetune

    train = distill if teacher else finetune
    return [train.step(**asdict(settings)), shrink.step(), fold.step(), measure_noise.step()]
