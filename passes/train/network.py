"""A graph that learns: its trainable constants as PyTorch parameters, run op by op, and written back at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

import torch

from lissom.ir.graph import Graph
from lissom.ir.interpreter import run_op
from lissom.ir.op import Op
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.binarize import Binarize
from lissom.ir.ops.dropout import Dropout
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.tensors import to_array, to_tensor
from lissom.ir.values import Const, Value
from lissom.passes import notes

HALVES = (torch.float16, torch.bfloat16)
"""Parameters of these types are trained in float32, and rounded wherever they are read."""

SMALLEST_STEP = 1e-8
"""A scale that is trained itself stays above this."""


def trainable(graph: Graph) -> list[Const]:
    """The parameters of a graph: floats marked trainable, without statistics and without weights whose integers are
    chosen already (a weight below FakeQuant's ``chosen`` does not decide anything any more).
    """
    found = []
    for c in graph.consts:
        if not c.trainable or not c.type.dtype.is_float or is_statistic(c):
            continue
        chosen = next((u for u in c.users if isinstance(u, FakeQuant) and u.x is c and u.chosen is not None), None)
        if chosen is not None:
            notes.refused("train", chosen, "its integers are chosen already; train before they are")
        else:
            found.append(c)
    return found


def is_statistic(c: Const) -> bool:
    """Whether a constant is a mean or a variance that batches give, not the optimizer."""
    return any(isinstance(u, BatchNormalization) and c in (u.input_mean, u.input_var) for u in c.users)


class Network:
    """A graph on a device.

    ``parameters`` are the tensors of the constants in ``train``; ``states`` those of constants that training changes
    without a gradient: the statistics of batch normalizations that learn, and masks.
    """

    def __init__(
        self, graph: Graph, device: torch.device, train: Collection[Const] = (), *, batch_statistics: bool = False
    ) -> None:
        self.graph = graph
        self.device = device
        self.parameters: dict[Const, torch.nn.Parameter] = {}
        self.states: dict[Const, torch.Tensor] = {}
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
                wide = tensor.to(torch.float32) if tensor.dtype in HALVES else tensor
                self.parameters[c] = torch.nn.Parameter(wide.to(device, copy=True))
            elif c in moving:
                self.states[c] = tensor.to(device, copy=True)
            else:
                self.fixed[c] = tensor.to(device)
        scales = {u.scale for u in graph.ops if isinstance(u, FakeQuant)}
        binary = {u.x: u.window for u in graph.ops if isinstance(u, Binarize)}
        self.limits = [(p, binary[c]) for c, p in self.parameters.items() if c in binary]
        self.scales = [p for c, p in self.parameters.items() if c in scales]

    def tensor(self, c: Const) -> torch.Tensor:
        """What ops read for a constant."""
        if c in self.parameters:
            return self.parameters[c].to(c.type.dtype.torch)
        return self.states[c] if c in self.states else self.fixed[c]

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

    @torch.no_grad()
    def after_step(self) -> None:
        """Keep what the optimizer has just changed within what the ops can take."""
        for scale in self.scales:
            scale.clamp_(min=SMALLEST_STEP)
        for weight, limit in self.limits:  # beyond, a sign has no gradient that could bring it back
            weight.clamp_(-limit, limit)

    def write_back(self) -> None:
        """Put the tensors as they are now into the graph, each as a new constant in the place of the old one."""
        for c in (*self.parameters, *self.states):
            self.graph.replace(c, c.replace(to_array(self.tensor(c), c.type.dtype).copy()))
