"""Passes that choose the integers of weights better than rounding each to the nearest does.

Each goes through the graph in order and sees the inputs of a layer as quantization upstream has left them. What it
finds goes to the ``chosen`` integers of the weights' FakeQuant; the float weights stay beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.tensors import to_tensor
from lissom.ir.values import Const
from lissom.passes import notes
from lissom.passes.data import Data
from lissom.passes.graph_pass import Kind, graph_pass
from lissom.passes.least_squares.rows import from_rows, to_rows
from lissom.passes.quantize.adaround import Problem, adaptive_rounding
from lissom.passes.quantize.gptq import column_rounding
from lissom.passes.quantize.layers import (
    bias_of,
    draw_columns,
    has_columns,
    is_on_grid,
    limits_behind,
    scale_of,
    weight_of,
)
from lissom.passes.quantize.twin import Feed, Twin, feeds_of


@graph_pass(Kind.decide)
def gptq(graph: Graph, *, samples: int = 64, columns: int = 8192, damping: float = 0.01, seed: int, data: Data) -> None:
    """Round the weights of a layer one input at a time, and let those still free make up for the error.

    Frantar et al. 2022 (GPTQ, arXiv:2210.17323; with the exact update of OBC, arXiv:2208.11580).

    samples: how many of the calibration samples are used, at most.
    columns: how many windows or rows of a layer's input its correlations are taken from.
    damping: added to the diagonal of the correlations, as a share of its mean.
    """

    def choose(op: Op, fake: FakeQuant, twin: Twin) -> torch.Tensor:
        x = draw_columns(op, twin.noisy(op.operands[0]), columns, seed)
        scale, w = _grid_rows(op, fake)
        correlations = (x.double() @ x.double().mT) / x.shape[-1]
        return column_rounding(w, correlations, scale, fake.low, fake.high, damping)

    _choose_all(graph, feeds_of(data, samples, graph), "gptq", choose)


@graph_pass(Kind.decide)
def adaround(
    graph: Graph,
    *,
    samples: int = 64,
    columns: int = 8192,
    iterations: int = 1000,
    batch: int = 512,
    rate: float = 0.01,
    seed: int,
    data: Data,
) -> None:
    """Learn for every weight whether to round it up or down, so that each layer's output, after its ReLU, stays.

    Nagel et al. 2020 (AdaRound, arXiv:2004.10568), asymmetric: from the inputs that quantization has left to the
    outputs of the float layer.

    samples: how many of the calibration samples are used, at most.
    columns: how many windows or rows of a layer's input are kept.
    iterations: gradient steps a layer.
    batch: columns a step.
    rate: step size of Adam.
    """

    def choose(op: Op, fake: FakeQuant, twin: Twin) -> torch.Tensor:
        x = draw_columns(op, twin.noisy(op.operands[0]), columns, seed)
        exact = draw_columns(op, twin.exact(op.operands[0]), columns, seed)
        scale, w = _grid_rows(op, fake)
        bias = bias_of(op)
        shift = None if bias is None else torch.from_numpy(bias.data.copy()).reshape(w.shape[0], -1, 1)
        problem = Problem(w, scale, fake.low, fake.high, x, w @ exact, shift, limits_behind(op))
        return adaptive_rounding(problem, iterations, batch, rate, seed)

    _choose_all(graph, feeds_of(data, samples, graph), "adaround", choose)


Choose = Callable[[Op, FakeQuant, Twin], torch.Tensor]


def _choose_all(graph: Graph, feeds: Sequence[Feed], by: str, choose: Choose) -> None:
    """Run ``choose`` on every layer with weights on a grid; it gives integers in rows, see :func:`to_rows`."""
    found: dict[FakeQuant, torch.Tensor] = {}
    readers: dict[FakeQuant, Op] = {}
    twin = Twin(graph, feeds)

    def before(op: Op) -> None:
        fake = weight_of(op)
        if not isinstance(fake, FakeQuant) or not is_on_grid(fake) or fake in found:
            return
        if not has_columns(op):
            notes.refused(by, op, f"the weights of {op.op_type} are rounded to nearest")
            return
        integers = from_rows(op, choose(op, fake, twin), tuple(fake.type.static or ()))
        found[fake], readers[fake] = integers, op
        twin.put(fake, integers * scale_of(fake, integers))

    twin.walk(before=before)
    choose_integers(graph, found)
    for op in readers.values():
        notes.done(by, op)


def choose_integers(graph: Graph, found: Mapping[FakeQuant, torch.Tensor]) -> None:
    """Put integers that were found for weights beside the weights."""
    for fake, integers in found.items():
        dtype = fake.zero_point.type.dtype.numpy
        chosen = Const(integers.to(torch.int32).numpy().astype(dtype), f"{fake.x.name}.chosen")
        graph.replace(fake, fake.replace(chosen=chosen))


def _grid_rows(op: Op, fake: FakeQuant) -> tuple[torch.Tensor, torch.Tensor]:
    """Scales (groups, rows, 1) and float weights (groups, rows, inner)."""
    assert isinstance(fake.x, Const)
    w = to_tensor(fake.x.data, fake.x.type.dtype)
    return to_rows(op, scale_of(fake, w).expand(w.shape))[..., :1], to_rows(op, w)
