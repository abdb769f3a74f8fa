"""One bit for each weight, and where it is asked for one bit for each activation."""

from __future__ import annotations

import numpy as np
import torch

from lissom.ir.families.elementwise import Unary
from lissom.ir.families.signs import Spread, spread_over
from lissom.ir.graph import Graph
from lissom.ir.interpreter import execute
from lissom.ir.op import Op
from lissom.ir.ops.average_pool import AveragePool
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.binarize import Binarize
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.dropout import Dropout
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.global_average_pool import GlobalAveragePool
from lissom.ir.ops.mask import Mask
from lissom.ir.tensors import to_tensor
from lissom.ir.values import Const, Input, Value, producer
from lissom.passes import notes
from lissom.passes.data import Data
from lissom.passes.encode.layers import Weights, weights_of
from lissom.passes.graph_pass import Kind, State, graph_pass
from lissom.passes.quantize.grids import moved
from lissom.passes.train.normalize import measure_again, normalize

THROUGH = (AveragePool, GlobalAveragePool, Dropout)
"""Ops, beside those that move elements, behind which signs may be taken as well as before them."""

SAMPLES = 64
"""How many samples the width of an activation's gradient, and the moments of channels, are taken from."""


@graph_pass(Kind.decide, needs=[State.floats], ends=[State.codeless])
def binarize(
    graph: Graph,
    *,
    activations: bool = False,
    scale: Spread = "channel",
    norm: bool = False,
    exclude: tuple[str, ...] = (),
    data: Data | None,
) -> None:
    """Make weights binary, and activations if asked for: a sign, seen through by gradients (Courbariaux 2015, 2016).

    Training afterwards changes the real weights behind the signs, which stay within a window around zero.

    activations: whether what these layers read becomes 1 and -1 too, in the place of its activation function.
    scale: what signs of weights are multiplied with: one, or a number for each channel or the whole tensor, which
        learns from the mean magnitude on (XNOR-Net, Rastegari 2016; XNOR-Net++, Bulat 2019, arXiv:1909.13863).
    norm: whether a batch normalization follows each of these layers that has none and is no output, as in both papers.
        Each channel begins with the mean and the variance it had. Train it with batch_norm=batch; fold takes it into
        scale and bias.
    exclude: names of layers that stay as they are; first and last are names of those.
    """
    found = weights_of(graph, "binarize", exclude)
    normed = [w.layer for w in found if norm and _wants_norm(w.layer)]
    feed = data.first(SAMPLES).feed if data is not None and normed else None
    norms = normalize(graph, normed, [] if feed is None else [feed])
    if activations:
        binarize_inputs(graph, [w.layer for w in found], data)
    for w in found:
        graph.replace(w.const, _signs(w, scale).named(f"{w.const.name}.binary", w.const.loc))
        notes.done("binarize", w.layer)
    if feed is not None:
        measure_again(graph, norms, feed)


def _wants_norm(layer: Op) -> bool:
    """Whether a batch normalization is to follow a layer whose channels are along axis 1."""
    plain = isinstance(layer, Conv | ConvTranspose) or (isinstance(layer, Gemm) and layer.type.rank == 2)
    return (
        plain
        and layer.graph is not None
        and not layer.graph.is_output(layer)
        and not any(isinstance(u, BatchNormalization) for u in layer.users)
    )


def _signs(w: Weights, scale: Spread) -> Binarize:
    """Signs of weights. Under their mean magnitude as the scale they are nearest to the weights.

    The real weights lie within twice that: BinaryConnect draws them evenly from such a window, and clips them to it.
    """
    size = np.abs(w.const.data)
    window = float(np.float32(2 * size.mean(dtype=np.float64))) or 1.0
    if scale == "one":
        return Binarize(w.const, axis=w.axis, window=window)
    over = spread_over(scale, w.axis, size.ndim)
    mean = size.mean(over, dtype=np.float64).astype(np.float32)
    return Binarize(w.const, Const(mean, f"{w.const.name}.scale", trainable=w.const.trainable), w.axis, window)


def binarize_inputs(graph: Graph, layers: list[Op], data: Data | None) -> None:
    """Let layers read signs. The function of one element that their input comes from goes, where only they read it.

    The gradient of a sign is as wide as the root of the mean square of what it is taken of, which without data is
    taken to be 1, as behind a batch normalization.
    """
    inputs = {op.operands[0]: _source(op.operands[0]) for op in layers}
    before = {v: _before(s) for v, s in inputs.items()}
    width = _widths(graph, set(before.values()), data)
    gone: dict[Value, None] = {}
    for v, source in reversed(inputs.items()):  # so that what is replaced is behind what is left
        readers = [op for op in layers if op.operands[0] is v]
        if (reason := _refusal(source, before[v], layers)) is not None:
            for op in readers:
                notes.refused("binarize its input", op, reason)
            continue
        sign = Binarize(v, window=width[before[v]]).named(f"{v.name}.sign", v.loc)
        for op in readers:
            graph.replace(op, op.replace(**{type(op).fields[0].name: sign}))
        if before[v] is not source:
            gone[source] = None
    for source in gone:
        graph.replace(source, _before(source))  # which the loop may have made anew


def _refusal(source: Value, before: Value, layers: list[Op]) -> str | None:
    """Why what comes from ``source`` stays as it is; None where it may become signs."""
    if isinstance(source, Input):
        return "it is the network's"
    if isinstance(source, Mask):
        return "it is masked, and a sign is never zero; shrink before"
    if before is not source and not _only_for(source, layers):
        return f"others read what {source.name!r} computes too"
    return None


def _source(v: Value) -> Value:
    """Where the elements of ``v`` are computed: behind what moves, selects and averages them."""
    op = producer(v)
    while op is not None and (moved(op) is not None or isinstance(op, THROUGH)):
        v = op.operands[0]
        op = producer(v)
    return v


def _before(source: Value) -> Value:
    """What an activation function is applied to; the value itself where it comes from none."""
    return source.x if isinstance(source, Unary | Clip) and not isinstance(source, Binarize) else source


def _only_for(source: Value, layers: list[Op]) -> bool:
    """Whether nothing but ``layers`` reads what ``source`` computes, moved or averaged."""
    pending = [source]
    while pending:
        v = pending.pop()
        if v.graph is None or v.graph.is_output(v):
            return False
        for user in v.users:
            if moved(user) is not None or isinstance(user, THROUGH):
                pending += user.results
            elif user not in layers:
                return False
    return True


def _widths(graph: Graph, values: set[Value], data: Data | None) -> dict[Value, float]:
    width = dict.fromkeys(values, 1.0)
    if data is None:
        return width

    def observe(v: Value, t: torch.Tensor) -> None:
        if v in width:
            size = float(t.double().square().mean().sqrt())
            width[v] = float(np.float32(size)) if size > 0 and np.isfinite(size) else 1.0

    feed = data.first(SAMPLES).feed
    with torch.no_grad():
        execute(graph, {i: to_tensor(feed[i.name], i.type.dtype) for i in graph.inputs}, observe=observe)
    return width
