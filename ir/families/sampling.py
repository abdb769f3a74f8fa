"""Reading images between their pixels: the elements around a point, and what each weighs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import torch

from lissom.ir.errors import Unsupported

CUBIC_A = -0.75

Tap = tuple[torch.Tensor, torch.Tensor]
"""Indices along one axis and their weights."""

Border = Callable[[torch.Tensor, int], Tap]
"""Maps indices along an axis of that size into it, and says with 0 or 1 whether each counts."""


def zeros(index: torch.Tensor, size: int) -> Tap:
    """Outside is zero."""
    return index.clamp(0, size - 1), (index >= 0) & (index < size)


def axis_taps(x: torch.Tensor, mode: str, size: int, border: Border) -> list[Tap]:
    """The taps around the coordinates ``x`` along one axis: 1 for nearest, 2 for linear, 4 for cubic."""
    base = torch.floor(x)
    t = x - base
    match mode:
        case "nearest":
            base, weights = torch.round(x), [torch.ones_like(x)]
            first = 0
        case "linear":
            weights, first = [1 - t, t], 0
        case "cubic":
            weights, first = [_keys(t + 1), _keys(t), _keys(1 - t), _keys(2 - t)], -1
        case _:
            raise Unsupported(f"no interpolation mode is called {mode!r}; there are nearest, linear and cubic")
    # A coordinate that is not finite, or too large for an integer, points outside.
    whole = base.nan_to_num(-(2.0**30)).clamp(-(2.0**30), 2.0**30).to(torch.int64)
    found = []
    for offset, weight in enumerate(weights, first):
        index, counts = border(whole + offset, size)
        found.append((index, torch.where(counts, weight, torch.zeros_like(weight))))
    return found


def _keys(d: torch.Tensor) -> torch.Tensor:
    """Keys, Cubic convolution interpolation for digital image processing, 1981; ``0 <= d <= 2``."""
    a = CUBIC_A
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return torch.where(d <= 1, near, far)


def gathered(x: torch.Tensor, axes: Sequence[list[Tap]]) -> Iterator[torch.Tensor]:
    """Each element around each point, times its weight: tensors (N, C, *out).

    x is (N, C, *sizes); ``axes`` holds the taps of each spatial axis, tensors (N, *out).
    """
    n, c, *sizes = x.shape
    flat = x.reshape(n, c, -1)
    for combination in itertools.product(*axes):
        place = torch.zeros((), dtype=torch.int64)
        weight = torch.ones((), dtype=x.dtype)
        for (index, w), size in zip(combination, sizes, strict=True):
            place, weight = place * size + index, weight * w
        picked = flat.gather(2, place.reshape(n, 1, -1).expand(n, c, -1))
        yield picked.reshape(n, c, *place.shape[1:]) * weight[:, None]
