"""Bias correction: what quantization shifts on average is taken back in the biases."""

from __future__ import annotations

import numpy as np
import torch

from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.types import Array
from lissom.ir.values import producer
from lissom.passes import notes
from lissom.passes.data import Data
from lissom.passes.graph_pass import Kind, graph_pass
from lissom.passes.quantize.layers import (
    add_to_bias,
    channel_axis,
    is_on_grid,
    limits_behind,
    only_reader,
    unquantized,
    weight_of,
)
from lissom.passes.quantize.noise import Noise
from lissom.passes.quantize.steps import repeated_layers
from lissom.passes.quantize.twin import Twin, feeds_of

ELEMENTS = 2048
"""Elements of a channel that its means are taken from."""
OUTLIER = 6.0
"""An error beyond this many times the median magnitude, four standard deviations of a normal one, counts as that."""
STEPS = 6
"""Newton steps toward the mean behind an activation."""


@graph_pass(Kind.decide)
def correct_bias(graph: Graph, *, samples: int | None = None, data: Data) -> None:
    """Make the mean of every channel of a layer, behind its ReLU, what it was before quantization.

    Nagel et al. 2019, arXiv:1906.04721, section 4.2: the empirical form, on calibration data, each layer behind the
    corrected ones before it. Where a ReLU follows, also across a residual sum, the mean behind it is what counts:
    noise before a ReLU raises the mean behind.

    samples: how many of the calibration samples are used; by default 16 to 32, fewer of large networks.
    """
    shifts: dict[Op, Array] = {}
    twin = Twin(graph, feeds_of(data, samples, graph))
    noise = Noise(twin)

    def after(op: Op) -> None:
        owner = _owner(op, shifts)
        if owner is not None:
            axis = channel_axis(owner)
            shift = _shift(*twin.per_channel(op, axis, ELEMENTS), limits_behind(op))
            shape = [1] * op.type.rank
            shape[axis] = -1
            twin.add(op, shift.reshape(shape))
            shifts[owner] = shifts.get(owner, 0) + shift.to(torch.float32).numpy()
        noise.after(op)

    twin.walk(after=after)
    for calls in repeated_layers(graph):  # which have one bias
        if moved := [op for op in calls if op in shifts]:
            mean: Array = np.mean([shifts[op] for op in moved], axis=0)
            shifts.update((op, mean) for op in moved)
    for op, shift in shifts.items():
        notes.done("correct_bias", add_to_bias(graph, op, shift))
    noise.tell()


def _owner(op: Op, seen: dict[Op, Array]) -> Op | None:
    """The layer whose bias moves the mean of ``op``: itself, or the last layer that goes into a sum before a ReLU."""
    if is_on_grid(weight_of(op)):
        return op
    if isinstance(op, Add) and limits_behind(op) is not None:
        made = [producer(unquantized(v)) for v in op.operands]
        fitting = [m for m in reversed(seen) if m in made and m.type.shape == op.type.shape]
        return next((m for m in fitting if _feeds_only(m, op)), None)
    return None


def _feeds_only(layer: Op, add: Op) -> bool:
    """Whether nobody but ``add`` reads the layer, its grid aside."""
    reader = only_reader(layer)
    while reader is not None and reader is not add and reader.op_type == "FakeQuant":
        reader = only_reader(reader)
    return reader is add


def _shift(exact: torch.Tensor, noisy: torch.Tensor, limits: tuple[float, float] | None) -> torch.Tensor:
    """What has to be added to every channel (row) so that its mean, between ``limits``, is the exact one."""
    error = exact - noisy
    every = -(-error.shape[1] // 512)
    bound = OUTLIER * error[:, ::every].abs().median(1, keepdim=True).values
    error = error.clamp(-bound, bound)  # what a grid cuts off a few outliers is no shift of the mean
    if limits is None:
        return error.mean(1)
    exact = noisy + error
    target = exact.clamp(*limits).mean(1)
    shift = torch.zeros_like(target)
    for _ in range(STEPS):
        moved = noisy + shift[:, None]
        passed = ((moved > limits[0]) & (moved < limits[1])).float().mean(1)
        shift = shift + (target - moved.clamp(*limits).mean(1)) / passed.clamp_min(0.1)
    return shift
