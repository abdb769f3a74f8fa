"""How constant operands lie in memory for the kernels, by the layout names of the kernel table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lissom.ir.types import Array
from lissom.kernels.kernel import Params
from lissom.kernels.tiles import run_length


@dataclass(frozen=True)
class Operand:
    """A constant operand in the graph's layout: convolution weights (O, I/groups, spatial), matrices (K, N)."""

    array: Array
    params: Params = field(default_factory=dict)
    """Those of the kernel."""
    beside: Mapping[str, Array] = field(default_factory=dict)
    """Further constant operands, which some layouts hold too."""


def pack(layout: str, operand: Operand) -> Array:
    """The operand in ``layout``: the name of one, and its numbers."""
    name, *numbers = layout.split()
    return PACKINGS[name](operand, *map(int, numbers))


def holds_all(layout: str) -> bool:
    """Whether a layout of weights holds bias and multipliers too, so that the kernel wants none beside it."""
    return layout.split()[0] == "panels"


def plain(operand: Operand) -> Array:
    """As the graph holds it."""
    return np.ascontiguousarray(operand.array)


def transposed(operand: Operand) -> Array:
    """A matrix (K, N) with its columns in a row each."""
    return np.ascontiguousarray(np.swapaxes(operand.array, -1, -2))


def panels(operand: Operand, lanes: int, vectors: int) -> Array:
    """int8 weights for ``lissom_conv_q8_tile.h``: for every ``vectors`` vectors of output channels of a group, their
    biases (int32), their multipliers (float32), then four weights a lane for each group of four bytes of each run."""
    q, c = operand.params, operand.params["conv"]
    groups, outputs, length = c["groups"], c["out_channels"], run_length(operand.params)
    width = lanes * vectors
    count = -(-outputs // width)
    d, h, w = c["kernel"]
    weights = operand.array.reshape(groups, outputs, c["in_channels"], d, h, w)
    runs = np.moveaxis(weights, 2, -1).reshape(groups, outputs, -1, length)  # in the order of memory: tap, channel
    bias = operand.beside["b"].reshape(groups, outputs).astype(np.int64)
    bias = bias - q["x"]["zero"] * runs.astype(np.int64).sum((2, 3))
    if (bias.astype(np.int32) != bias).any():
        bias = (bias + 2**31) % 2**32 - 2**31  # sums wrap around, and so are exact where the result fits
    multiplier = np.broadcast_to(operand.beside["multiplier"].reshape(-1), groups * outputs).reshape(groups, outputs)

    def by_panel(array: Array, dtype: type[Any]) -> Array:
        """(groups, outputs, ...) as (groups, count, width, ...), with zeros for outputs that are not there."""
        filled = np.zeros((groups, count * width, *array.shape[2:]), dtype)
        filled[:, :outputs] = array
        return filled.reshape(groups, count, width, *array.shape[2:])

    if length < 4:
        runs = np.concatenate([runs, np.zeros((*runs.shape[:-1], 4 - length), runs.dtype)], axis=-1)
    starts = [*range(0, length - 3, 4), *([length - 4] if length % 4 else [])] if length > 4 else [0]
    fours = np.stack([runs[..., s : s + 4] for s in starts], axis=3).copy()
    if length > 4 and length % 4:
        fours[..., -1, : 4 - length % 4] = 0  # these bytes of the run were in the group before
    blocks = np.moveaxis(by_panel(fours, np.int8), 2, 4)  # (groups, count, run, group, width, 4)
    head = np.stack([by_panel(bias, np.int32).view(np.uint8), by_panel(multiplier, np.float32).view(np.uint8)], axis=2)
    parts = [a.reshape(groups, count, -1) for a in (head, np.ascontiguousarray(blocks).view(np.uint8))]
    return np.concatenate(parts, axis=2).reshape(-1)


PACKINGS: dict[str, Callable[..., Array]] = {
    "OIDHW": plain,
    "IODHW": plain,
    "KN": plain,
    "NK": transposed,
    "panels": panels,
}
"""The functions behind the names."""
