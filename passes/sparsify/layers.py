"""Weights of layers as (outputs, taps, channels), and what their inputs are like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.types import Array
from lissom.passes.encode.layers import Weights
from lissom.passes.least_squares.rows import draw, grid_of, rows_at
from lissom.passes.least_squares.walk import Walk

T = TypeVar("T", bound=np.generic)


def arranged(op: Op, w: npt.NDArray[T]) -> npt.NDArray[T]:
    """Weights, or what is known of each, as (outputs, taps, channels)."""
    rows: npt.NDArray[T]
    match op:
        case Conv():
            rows = w.reshape(*w.shape[:2], -1).transpose(0, 2, 1)
        case ConvTranspose():
            rows = w.reshape(*w.shape[:2], -1).transpose(1, 2, 0)
        case _:
            rows = (w if getattr(op, "transB", False) else w.T)[:, None]
    return rows


def put_back(op: Op, rows: npt.NDArray[T], shape: tuple[int, ...]) -> npt.NDArray[T]:
    """The inverse of :func:`arranged`, for weights of ``shape``."""
    match op:
        case Conv():
            rows = rows.transpose(0, 2, 1)
        case ConvTranspose():
            rows = rows.transpose(2, 0, 1)
        case _:
            rows = rows[:, 0] if getattr(op, "transB", False) else rows[:, 0].T
    back: npt.NDArray[T] = np.ascontiguousarray(rows).reshape(shape)
    return back


@dataclass(frozen=True)
class Inputs:
    """Correlations of the inputs of a layer, (groups, inputs, inputs) over (taps, channels), a mean over positions."""

    correlations: npt.NDArray[np.float64]

    @property
    def norms(self) -> npt.NDArray[np.float64]:
        """Root mean square of each input, (groups, inputs)."""
        return np.sqrt(np.diagonal(self.correlations, axis1=1, axis2=2))


Decide = Callable[[Weights, Inputs], Array]
"""The new weights of a layer, in their own shape."""


def walk(
    graph: Graph, feeds: list[dict[str, Array]], layers: Mapping[Op, Weights], columns: int, seed: int, decide: Decide
) -> None:
    """Call ``decide`` at each layer with the inputs that what was decided before leaves it."""
    stream = Walk(graph, feeds, ())
    rng = np.random.default_rng(seed)
    for op in list(graph.ops):
        if op not in layers:
            stream.run(op)
            continue
        found = layers[op]
        taps = int(np.prod(found.const.data.shape[2:])) if isinstance(op, Conv) else 1
        gram: Any = 0.0
        count = 0
        for known in stream.values:
            x = known[op.operands[0]]
            at = draw(grid_of(op, x), -(-columns // len(stream.values)), rng)
            rows = rows_at(op, x, at).double()
            rows = rows.reshape(*rows.shape[:2], -1, taps).transpose(2, 3).flatten(2)  # (groups, positions, inputs)
            gram = gram + rows.mT @ rows
            count += rows.shape[1]
        new = decide(found, Inputs((torch.as_tensor(gram) / count).numpy()))
        stream.run(op, op._on({v: found.const.replace(new) if v is found.const else v for v in op.operands}))
