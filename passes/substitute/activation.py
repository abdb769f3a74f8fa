"""Smooth activations become piecewise ones, which cost a comparison and are exact in integers.

MobileNetV3's hard functions (Howard et al. 2019, arXiv:1905.02244, section 5.2). HardSwish(a x) / a is near every
x * sigmoid(b x), so with the right ``a`` it also stands for GELU (a = 1.702).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
import torch

from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.celu import Celu
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.elu import Elu
from lissom.ir.ops.gelu import Gelu
from lissom.ir.ops.hard_sigmoid import HardSigmoid
from lissom.ir.ops.hard_swish import HardSwish
from lissom.ir.ops.leaky_relu import LeakyRelu
from lissom.ir.ops.mish import Mish
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.selu import Selu
from lissom.ir.ops.sigmoid import Sigmoid
from lissom.ir.ops.softplus import Softplus
from lissom.ir.ops.swish import Swish
from lissom.ir.types import Array
from lissom.ir.values import Const, Value
from lissom.passes.fold import gelu, hard_swish
from lissom.passes.least_squares.walk import observe
from lissom.passes.rule import rewrite

Target: TypeAlias = Literal["hard_swish", "relu", "relu6", "leaky_relu"]

SMOOTH = (Swish, Gelu, Mish, Elu, Celu, Selu, Softplus, HardSwish)
"""What grows like x to the right and is near zero to the left."""

SAMPLES = 4096
SPREAD = 2.0
"""Standard deviation of what an activation is taken to read where there is no data."""


def spell_out(graph: Graph) -> None:
    """Bring activations that exporters write as several ops into one."""
    rewrite(graph, (*gelu.RULES, *hard_swish.RULES))


def activations(graph: Graph) -> list[Op]:
    """The ops this file can replace."""
    return [op for op in graph.ops if isinstance(op, (*SMOOTH, Sigmoid))]


def inputs_of(graph: Graph, ops: list[Op], feeds: list[dict[str, Array]], seed: int) -> dict[Op, torch.Tensor]:
    """Samples of what each activation reads: of the data where there is some, else normal."""
    rng = torch.Generator().manual_seed(seed)
    seen = {op.operands[0]: [torch.randn(SAMPLES, generator=rng) * SPREAD] * (not feeds) for op in ops}

    def watch(value: Value, tensor: torch.Tensor) -> None:
        if value in seen:
            flat = tensor.detach().reshape(-1).float()
            seen[value].append(flat[torch.randint(len(flat), (SAMPLES // len(feeds) + 1,), generator=rng)])

    observe(graph, feeds, watch)
    return {op: torch.cat(seen[op.operands[0]]) for op in ops}


def replacement(op: Op, to: Target, samples: torch.Tensor | None) -> Op | str:
    """The detached op in place of ``op``, its free number fitted to ``samples`` where given; or why there is none."""
    x = op.operands[0]
    if isinstance(op, Sigmoid):
        if to != "hard_swish":
            return "a sigmoid's place is taken by a hard one only (to=hard_swish)"
        if op.graph is not None and op.graph.is_output(op):
            return "it gives an output of the network, which is a probability"
        slope = (
            1 / 6 if samples is None else _fitted(op, samples, lambda a: lambda s: torch.clamp(a * s + 0.5, 0, 1), 1)
        )
        return HardSigmoid(x, alpha=slope, beta=0.5)
    if to == "relu":
        return Relu(x)
    dtype = x.type.dtype.numpy
    if to == "relu6":
        return Clip(x, Const(np.zeros((), dtype)), Const(np.full((), 6, dtype)))
    if to == "leaky_relu":
        if samples is None:
            return LeakyRelu(x)
        low = samples[samples < 0].double()
        slope = float((op.run(low) * low).sum() / low.square().sum().clamp(min=1e-12)) if len(low) else 0.01
        return LeakyRelu(x, alpha=slope)
    if isinstance(op, HardSwish):
        return "it is a HardSwish already"
    if samples is None:
        return HardSwish(x)
    factor = _fitted(op, samples, lambda a: lambda s: torch.nn.functional.hardswish(a * s) / a, 4)
    scaled = Mul(x, Const(np.asarray(factor, dtype), f"{op.name}.scale")).named(f"{op.name}.scaled", op.loc)
    hard = HardSwish(scaled).named(f"{op.name}.hard", op.loc)
    return Mul(hard, Const(np.asarray(1 / factor, dtype), f"{op.name}.rescale"))


def _fitted(
    op: Op, samples: torch.Tensor, form: Callable[[float], Callable[[torch.Tensor], torch.Tensor]], most: float
) -> float:
    """The number with which ``form`` is nearest to ``op`` in the mean square."""
    from scipy.optimize import minimize_scalar

    wanted = op.run(samples)
    found = minimize_scalar(
        lambda a: float((form(a)(samples) - wanted).square().mean()), bounds=(0.05, most), method="bounded"
    )
    return float(found.x)
