"""Weights of one scale and two or three values: over which axes the scale is taken."""

from __future__ import annotations

from typing import Literal, TypeAlias

Spread: TypeAlias = Literal["one", "channel", "tensor"]
"""What a scale belongs to: nothing (it is 1), each channel along an axis, or the whole tensor."""


def spread_over(scale: Spread, axis: int, rank: int) -> tuple[int, ...]:
    """The axes that a scale is a statistic over."""
    return tuple(a for a in range(rank) if scale == "tensor" or a != axis % rank)
