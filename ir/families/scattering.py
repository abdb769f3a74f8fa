"""Writing elements to places, or combining them with what is there."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch

from lissom.ir.families.bits import by_bits

Reduction: TypeAlias = Literal["none", "add", "mul", "max", "min"]
_REDUCE = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


def scatter(
    x: torch.Tensor, axis: int, indices: torch.Tensor, updates: torch.Tensor, reduction: Reduction
) -> torch.Tensor:
    """A copy of x with ``updates[a, i, b]`` put at, or combined with, ``x[a, indices[a, i, b], b]``.

    Negative indices count from the end. Where places coincide, any of the updates may win unless they are combined.
    """
    indices = from_end(indices, x.shape[axis])
    if reduction == "none":
        return by_bits(lambda a, b: a.scatter(axis, indices, b), x, updates)
    return x.scatter_reduce(axis, indices, updates, _REDUCE[reduction])


def from_end(indices: torch.Tensor, size: int) -> torch.Tensor:
    """Indices as int64, negative ones counted from the end of an axis of ``size``."""
    indices = indices.to(torch.int64)
    return torch.where(indices < 0, indices + size, indices)
