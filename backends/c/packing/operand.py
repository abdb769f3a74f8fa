"""Constant operands as packing sees them, and what its layouts share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lissom.ir.types import Array
from lissom.kernels.kernel import Params


@dataclass(frozen=True)
class Operand:
    """A constant operand in the graph's layout: convolution weights (O, I/groups, spatial), matrices (K, N)."""

    array: Array
    params: Params = field(default_factory=dict)
    """Those of the kernel."""
    beside: Mapping[str, Array] = field(default_factory=dict)
    """Further constant operands, which some layouts hold too."""


def chunked(runs: Array, most: int, each: int) -> Array:
    """Runs (..., length) as (..., chunks, size): as read in chunks of ``most`` elements or, where they are shorter,
    whole, in groups of ``each``. What is left over is read with the elements before it, whose weights are zero then."""
    length = runs.shape[-1]
    if length % each and length < most:
        runs = np.concatenate([runs, np.zeros((*runs.shape[:-1], -length % each), runs.dtype)], axis=-1)
    size = min(most, runs.shape[-1])
    rest = runs.shape[-1] % size
    starts = [*range(0, length - size + 1, size), *([length - size] if rest else [])]
    chunks = np.stack([runs[..., s : s + size] for s in starts or [0]], axis=-2)
    if rest:
        chunks[..., -1, : size - rest] = 0
    return chunks


def quantized_head(operand: Operand, runs: Array) -> list[Array]:
    """Biases less what the zero point of x adds, and multipliers, both (groups, outputs)."""
    shape = runs.shape[:2]
    bias = operand.beside["b"].reshape(shape).astype(np.int64)
    x = operand.params["x"]
    bias = bias - (x["zero"] - x["flip"]) * runs.astype(np.int64).sum((2, 3))
    factors = np.broadcast_to(operand.beside["multiplier"].reshape(-1), shape[0] * shape[1]).reshape(shape)
    return [wrapped(bias), factors.astype(np.float32)]


def wrapped(sums: Array) -> Array:
    """int64 as int32: sums wrap around, and so are exact where the result fits."""
    return ((sums + 2**31) % 2**32 - 2**31).astype(np.int32)


def fours_of(w: Array) -> Array:
    """Weights (outputs, channels, taps) as (outputs, blocks, 4), the blocks of a tap together, zeros where there are no
    channels."""
    outputs, channels, taps = w.shape
    filled = np.zeros((outputs, -(-channels // 4) * 4, taps), w.dtype)
    filled[:, :channels] = w
    return np.ascontiguousarray(np.moveaxis(filled, 2, 1)).reshape(outputs, -1, 4)
