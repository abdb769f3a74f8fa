"""A graph that learns: its trainable constants as PyTorch parameters, run op by op, and written back at the end."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

import numpy as np
import torch

from lissom.ir.graph import Graph
from lissom.ir.interpreter import run_op
from lissom.ir.op import Op
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.binarize import Binarize
from lissom.ir.ops.dropout import Dropout
from lissom.ir.ops.fake_quant import FakeQuant, whole
from lissom.ir.ops.fold_batch_normalization import FoldBatchNormalization
from lissom.ir.tensors import to_array, to_tensor
from lissom.ir.values import Const, Value, producer
from lissom.passes import notes

HALVES = (torch.float16, torch.bfloat16)
"""Parameters of these types are trained in float32, and rounded wherever they are read."""

Watch: TypeAlias = Callable[[dict[Value, torch.Tensor]], None]
"""Sees, and may change, the values an op is about to read."""

SMALLEST_STEP = 1e-8
"""A scale that is trained itself stays above this."""


def trainable(graph: Graph) -> list[Const]:
    """The parameters of a graph: floats marked trainable, without statistics and without weights whose integers are
    chosen already (a weight below FakeQuant's ``chosen`` does not decide anything any more).
    """
    found = []
    for c in graph.consts:
        if not c.trainable or not (c.type.dtype.is_float or is_zero_point(c)) or is_statistic(c):
            continue
        chosen = next((u for u in c.users if isinstance(u, FakeQuant) and u.x is c and u.chosen is not None), None)
        if chosen is not None:
            notes.refused("train", chosen, "its integers are chosen already; train before they are")
        else:
            found.append(c)
    return found


def is_statistic(c: Const) -> bool:
    """Whether a constant is a mean or a variance that batches give, not the optimizer."""
    norms = (BatchNormalization, FoldBatchNormalization)
    return any(isinstance(u, norms) and c in (u.input_mean, u.input_var) for u in c.users)


def is_zero_point(c: Const) -> bool:
    """Whether a constant is a zero point; one that learns is a float on the way, which FakeQuant rounds."""
    return any(isinstance(u, FakeQuant) and u.zero_point is c for u in c.users)


class Network:
    """A graph on a device.

    ``parameters`` are the tensors of the constants in ``train``; ``states`` those that training changes without a
    gradient: of constants, such as the statistics of batch normalizations that learn and masks, and of what is
    remembered about other values. ``watch`` is called before an op runs, while training.
    """

    def __init__(
        self, graph: Graph, device: torch.device, train: Collection[Const] = (), *, batch_statistics: bool = False
    ) -> None:
        self.graph = graph
        self.device = device
        self.parameters: dict[Const, torch.nn.Parameter] = {}
        self.states: dict[Value, torch.Tensor] = {}
        self.watch: dict[Op, Watch] = {}
        self.fixed: dict[Const, torch.Tensor] = {}
        self.training: dict[Op, BatchNormalization] = {}
        """What stands for a batch normalization while training."""
        if batch_statistics:
            for op in graph.ops:
                if isinstance(op, BatchNormalization) and not op.training_mode:
                    self.training[op] = op.replace(training_mode=True)
        moving = {v for op in self.training.values() for v in (op.input_mean, op.input_var)}
        for c in graph.consts:
            tensor = to_tensor(c.data, c.type.dtype)
            if c in train:
                wide = tensor if tensor.dtype.is_floating_point and tensor.dtype not in HALVES else tensor.float()
                layout = torch.channels_last if wide.ndim == 4 else torch.contiguous_format  # convolutions learn faster
                self.parameters[c] = torch.nn.Parameter(wide.to(device, copy=True, memory_format=layout))
            elif c in moving:
                self.states[c] = tensor.to(device, copy=True)
            else:
                self.fixed[c] = tensor.to(device)
        self.limits: dict[torch.nn.Parameter, tuple[float, float]] = {}
        """Ends of what a parameter may be."""
        self.rates: dict[torch.nn.Parameter, float] = {}
        """Learning rates, as a share of the others, where steps do not depend on the size of gradients."""
        for op in graph.ops:
            if isinstance(op, Binarize):  # beyond, a sign has no gradient that could bring it back
                self._limit(op.x, -op.window, op.window, rate=op.window)
                if isinstance(op.scale, Const):
                    self._limit(op.scale, SMALLEST_STEP, math.inf, rate=float(np.abs(op.scale.data).mean()) or 1.0)
            elif isinstance(op, FakeQuant):  # in the proportion of LSQ: a scale is 2 / sqrt(high) of its values
                self._limit(op.scale, SMALLEST_STEP, math.inf, rate=2 / math.sqrt(op.high - op.low >> 1))
                self._limit(op.zero_point, op.low, op.high, rate=math.sqrt(op.high - op.low >> 1))

    def _limit(self, v: Value, low: float, high: float, rate: float = 1.0) -> None:
        if isinstance(v, Const) and v in self.parameters:
            self.limits[self.parameters[v]] = low, high
            self.rates[self.parameters[v]] = rate

    def tensor(self, c: Const) -> torch.Tensor:
        """What ops read for a constant."""
        if c in self.parameters:
            held = self.parameters[c]
            return held.to(c.type.dtype.torch) if c.type.dtype.is_float else held
        return self.states[c] if c in self.states else self.fixed[c]

    def computed(self, v: Value) -> torch.Tensor:
        """What ops read for a value that depends on constants alone."""
        op = producer(v)
        if isinstance(v, Const) or op is None:
            return self.tensor(v)  # type: ignore[arg-type]
        results = run_op(op, {x: self.computed(x) for x in op.operands})
        return next(t for r, t in zip(op.results, results, strict=False) if r is v)

    def run(
        self,
        feed: Mapping[str, torch.Tensor],
        wanted: Collection[Value],
        *,
        cut: Collection[Value] = (),
        training: bool = False,
        dropout: bool = False,
    ) -> dict[Value, torch.Tensor]:
        """The values in ``wanted``. No gradient passes behind a value in ``cut``: what reads it gets it as a constant.

        ``training`` lets batch normalizations that learn use, and remember, the statistics of the batch; ``dropout``
        lets Dropout drop, by PyTorch's generator.
        """
        env: dict[Value, torch.Tensor] = {i: feed[i.name] for i in self.graph.inputs}
        kept = {v: env[v] for v in wanted if v in env} | {v: self.tensor(v) for v in wanted if isinstance(v, Const)}
        ops = self.graph.ops
        left = Counter(v for op in ops for v in op.operands)
        for op in ops:
            for v in op.operands:
                if isinstance(v, Const) and v not in env:
                    env[v] = self.tensor(v)
            if training and op in self.watch:
                with torch.no_grad():
                    self.watch[op](env)
            for r, t in zip(op.results, self._computed(op, env, training, dropout), strict=False):
                if r in wanted:
                    kept[r] = t
                env[r] = t.detach() if r in cut else t
            if len(kept) == len(wanted):
                break
            left.subtract(op.operands)
            for v in set(op.operands):
                if left[v] <= 0:
                    del env[v]
        return kept

    def _computed(
        self, op: Op, env: Mapping[Value, torch.Tensor], training: bool, dropout: bool
    ) -> tuple[torch.Tensor, ...]:
        if training and op in self.training:
            results = run_op(self.training[op], env)
            for value, now in zip(
                (self.training[op].input_mean, self.training[op].input_var), results[1:], strict=True
            ):
                if isinstance(value, Const):
                    self.states[value] = now.detach()
            return results[:1]
        if dropout and isinstance(op, Dropout) and len(op.results) == 1:
            ratio = 0.5 if op.ratio is None else float(env[op.ratio])
            return (torch.nn.functional.dropout(env[op.data], ratio),)
        return run_op(op, env)

    def freeze(self) -> None:
        """Statistics and ranges stay as they are from now on."""
        self.training.clear()
        self.watch.clear()

    @torch.no_grad()
    def after_step(self) -> None:
        """Keep what the optimizer has just changed within what the ops can take."""
        for parameter, (low, high) in self.limits.items():
            parameter.clamp_(low, high)

    def write_back(self) -> None:
        """Put the tensors as they are now into the graph, each as a new constant in the place of the old one."""
        for c in (*self.parameters, *self.states):
            if isinstance(c, Const):
                dtype, held = c.type.dtype, self.tensor(c)
                held = held if dtype.is_float or not held.is_floating_point() else whole(held, dtype).to(dtype.torch)
                self.graph.replace(c, c.replace(to_array(held, dtype).copy()))
