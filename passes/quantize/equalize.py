"""Passes that move range from values where it hurts to values where it does not; the graph computes the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.op import Op
from lissom.ir.ops.average_pool import AveragePool
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.global_average_pool import GlobalAveragePool
from lissom.ir.ops.layer_normalization import LayerNormalization
from lissom.ir.ops.leaky_relu import LeakyRelu
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.max_pool import MaxPool
from lissom.ir.ops.relu import Relu
from lissom.ir.types import Array
from lissom.ir.values import Const, Value
from lissom.passes import notes
from lissom.passes.data import Data
from lissom.passes.graph_pass import Kind, State, graph_pass
from lissom.passes.quantize.layers import bias_of, only_reader, output_axis, weight_of
from lissom.passes.quantize.observe import batch_size
from lissom.passes.quantize.observers import ChannelExtremes

HOMOGENEOUS = (Relu, LeakyRelu, MaxPool, AveragePool, GlobalAveragePool)
"""f(s * x) = s * f(x) for every s > 0, channel by channel."""
SWEEPS = 20
"""How often at most all pairs are balanced; a change below ``SETTLED`` ends it."""
SETTLED = 1e-3
LARGEST = 1e4
"""Channels are scaled by at most this, so that one that is never used does not blow up another."""


@graph_pass(Kind.exact, needs=[State.floats, State.gridless])
def equalize(graph: Graph) -> None:
    """Balance the weights of consecutive layers channel by channel, so that one scale fits more of them.

    Cross-layer equalization (Nagel et al. 2019, arXiv:1906.04721, section 4.1): between two layers with only ReLU,
    LeakyRelu or pooling in between, output channel i of the first is divided by s_i, the input channel i of the second
    multiplied by it, with s_i = sqrt(r1_i / r2_i) of the largest magnitudes. It needs no data.
    """
    pairs = list(_pairs(graph))
    for _ in range(SWEEPS):
        change = 0.0
        for n, (first, second) in enumerate(pairs):
            w1, w2 = _weights(first), _weights(second)
            r1, r2 = _largest(w1, output_axis(first)), _input_largest(second, w2)
            if (bias := bias_of(first)) is not None:  # or a channel of small weights would carry a huge constant
                r1 = np.maximum(r1, np.abs(bias.data.reshape(-1)))
            usable = (r1 > 0) & (r2 > 0)
            s = np.where(usable, np.sqrt(r1 / np.where(usable, r2, 1.0)), 1.0).clip(1 / LARGEST, LARGEST)
            s = s.astype(np.float32)
            change = max(change, float(np.abs(np.log(s)).max(initial=0.0)))
            pairs[n] = _scaled(graph, first, second, s)
            pairs[:] = [_renewed(p, (first, second), pairs[n]) for p in pairs]
        if change < SETTLED:
            break
    for first, second in pairs:
        notes.done("equalize", first, f"with {second.describe()}")


Pair = tuple[Op, Op]


def _renewed(pair: Pair, old: Pair, new: Pair) -> Pair:
    names = dict(zip(old, new, strict=True))
    return names.get(pair[0], pair[0]), names.get(pair[1], pair[1])


def _pairs(graph: Graph) -> Iterator[Pair]:
    """Layers whose output only another layer reads, with nothing in between that scaling would not pass through."""
    for op in graph.ops:
        if not isinstance(weight_of(op), Const) or not isinstance(op, Conv | Gemm) or not _private(op):
            continue
        follower = only_reader(op)
        while isinstance(follower, HOMOGENEOUS):
            follower = only_reader(follower)
        if follower is None or not isinstance(weight_of(follower), Const) or not isinstance(follower, Conv | Gemm):
            if follower is not None:
                notes.refused("equalize", op, f"{follower.describe()} does not pass scales on")
        elif isinstance(op, Gemm) is not isinstance(follower, Gemm) or not _private(follower):
            notes.refused("equalize", op, f"{follower.describe()} reads its channels in another form")
        elif not isinstance(follower, Conv) or follower.group in (1, follower.w.type.dims[0]):
            yield op, follower
        else:
            notes.refused("equalize", op, f"{follower.describe()} is a grouped convolution")


def _private(op: Op) -> bool:
    """Whether the op's constants are read by it alone."""
    constants = [v for v in op.operands if isinstance(v, Const)]
    return all(len(v.users) == 1 for v in constants) and not (isinstance(op, Gemm) and op.transA)


def _weights(op: Op) -> Array:
    w = weight_of(op)
    assert isinstance(w, Const)
    return w.data


def _largest(w: Array, axis: int) -> Array:
    largest: Array = np.abs(w).max(axis=tuple(i for i in range(w.ndim) if i != axis), initial=0.0)
    return largest


def _input_axis(op: Op) -> int:
    depthwise = isinstance(op, Conv) and op.group > 1
    return 0 if depthwise else 1 - output_axis(op)


def _input_largest(op: Op, w: Array) -> Array:
    return _largest(w, _input_axis(op))


def _along(s: Array, rank: int, axis: int) -> Array:
    shape = [1] * rank
    shape[axis] = -1
    return s.reshape(shape)


def _scaled(graph: Graph, first: Op, second: Op, s: Array) -> Pair:
    """Both layers anew, the first divided by ``s``, the second multiplied."""
    w1, w2 = _weights(first), _weights(second)
    weight, bias = ("b", "c") if isinstance(first, Gemm) else ("w", "b")
    changes: dict[str, Array] = {weight: w1 / _along(s, w1.ndim, output_axis(first))}
    if (old := bias_of(first)) is not None:
        changes[bias] = old.data / s.reshape(-1)
    new_first = first.replace(**changes)
    graph.replace(first, new_first)
    weight = "b" if isinstance(second, Gemm) else "w"
    new_second = second.replace(**{weight: w2 * _along(s, w2.ndim, _input_axis(second))})
    graph.replace(second, new_second)
    return new_first, new_second


@graph_pass(Kind.exact, needs=[State.floats, State.gridless])
def smooth(graph: Graph, *, strength: float = 0.5, data: Data) -> None:
    """Move large channels of activations into the weights behind them, where every channel has a scale of its own.

    SmoothQuant (Xiao et al. 2022, arXiv:2211.10438): behind a LayerNormalization that only layers with weights read,
    channel j is divided by s_j = max|x_j| ** strength / max|w_j| ** (1 - strength), the weights are multiplied by it.

    strength: how much of the difficulty goes to the weights, 0 to 1.
    """
    norms = [op for op in graph.ops if isinstance(op, LayerNormalization)]
    sites = {n: layers for n in norms if (layers := _behind_norm(n))}
    seen: dict[Value, ChannelExtremes] = {n: ChannelExtremes(-1) for n in sites}
    for batch in data.batches(batch_size(graph)):

        def watch(value: Value, tensor: torch.Tensor) -> None:
            if value in seen:
                seen[value].see(tensor)

        evaluate(graph, *(batch.feed[i.name] for i in graph.inputs), observe=watch)
    for norm, layers in sites.items():
        largest = seen[norm].largest
        assert largest is not None
        x = largest.numpy()
        w = np.max([_largest(_weights(op), _input_axis(op)) for op in layers], axis=0)
        usable = (x > 0) & (w > 0)
        s = np.where(usable, x, 1.0) ** strength / np.where(usable, w, 1.0) ** (1 - strength)
        s = s.clip(1 / LARGEST, LARGEST).astype(np.float32)
        for op in layers:
            weights = _weights(op)
            graph.replace(op, op.replace(b=weights * _along(s, weights.ndim, _input_axis(op))))
        changes = {name: v.data / s for name in ("scale", "b") if isinstance(v := getattr(norm, name), Const)}
        notes.done("smooth", norm, f"for {len(layers)} layers")
        graph.replace(norm, norm.replace(**changes))


def _behind_norm(op: Op) -> list[Op]:
    """The layers that read a LayerNormalization over the last axis, if nobody else does; none otherwise."""
    match op:
        case LayerNormalization(x, Const(scale), Const() | None) if scale.ndim == 1 and op.axis in (
            -1,
            x.type.rank - 1,
        ):
            layers = [u for u in op.users if isinstance(u, MatMul | Gemm) and u.operands[0] is op]
            whole = len(layers) == len(op.users) and op.graph is not None and not op.graph.is_output(op)
            constant = all(isinstance(weight_of(u), Const) and _private(u) for u in layers)
            if whole and constant and op.results_used == 1:
                return list(layers)
            notes.refused("smooth", op, "others than layers with constant weights read it")
    return []
