"""Learned rounding of the weights of one layer (Nagel et al. 2020, arXiv:2004.10568)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

ZETA, GAMMA = 1.1, -0.1
"""The ends of the stretched sigmoid: it reaches 0 and 1 at finite arguments."""
WARM_UP = 0.2
"""Share of the steps without a push toward 0 or 1."""
SHARPNESS = (20.0, 2.0)
"""First and last exponent of the push."""
PUSH = 0.01
"""Weight of the push beside the error of the outputs."""


@dataclass(frozen=True)
class Problem:
    """One layer: q * scale on ``x`` shall give ``target``, after ``limits`` have clipped both.

    Shapes: w (groups, rows, inner), scale (groups, rows, 1), x (groups, inner, columns), target (groups, rows, columns)
    without the bias, bias (groups, rows, 1).
    """

    w: torch.Tensor
    scale: torch.Tensor
    low: int
    high: int
    x: torch.Tensor
    target: torch.Tensor
    bias: torch.Tensor | None
    limits: tuple[float, float] | None

    def clipped(self, y: torch.Tensor) -> torch.Tensor:
        """What the layer hands on of its sums."""
        y = y if self.bias is None else y + self.bias
        return y if self.limits is None else y.clamp(*self.limits)


def start_of(ratio: torch.Tensor) -> torch.Tensor:
    """The variable at which :func:`soft` is the fraction of ``ratio`` (weight over scale)."""
    fraction = (ratio - torch.floor(ratio)).clamp(0.01, 0.99)
    return -torch.log((ZETA - GAMMA) / (fraction - GAMMA) - 1)


def soft(v: torch.Tensor) -> torch.Tensor:
    """How far a weight is rounded up: 0 to 1."""
    return (torch.sigmoid(v) * (ZETA - GAMMA) + GAMMA).clamp(0, 1)


def push(v: torch.Tensor, progress: float) -> torch.Tensor:
    """What keeps :func:`soft` from staying between 0 and 1; ``progress`` runs from 0 to 1."""
    if progress < WARM_UP:
        return torch.zeros(())
    along = (progress - WARM_UP) / (1 - WARM_UP)
    exponent = SHARPNESS[1] + (SHARPNESS[0] - SHARPNESS[1]) * (1 - along)
    return (1 - (2 * soft(v) - 1).abs().pow(exponent)).sum()


def adaptive_rounding(problem: Problem, iterations: int, batch: int, rate: float, seed: int) -> torch.Tensor:
    """Integers of the weights: each the floor of weight over scale, or one more."""
    p = problem
    generator = torch.Generator().manual_seed(seed)
    ratio = p.w / p.scale
    floor = torch.floor(ratio)
    with torch.enable_grad():
        v = start_of(ratio).requires_grad_()
        optimizer = torch.optim.Adam([v], lr=rate)
        wanted = p.clipped(p.target)
        power = wanted.pow(2).mean().clamp_min(1e-12)
        for step in range(iterations):
            chosen = torch.randint(p.x.shape[-1], (batch,), generator=generator)
            weights = (floor + soft(v)).clamp(p.low, p.high) * p.scale
            got = p.clipped(weights @ p.x[..., chosen])
            error = (got - wanted[..., chosen]).pow(2).mean() / power
            loss = error + PUSH * push(v, step / iterations) / v.numel()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    hard = (soft(v.detach()) >= 0.5).to(floor.dtype)
    return (floor + hard).clamp(p.low, p.high)
