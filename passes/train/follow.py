"""What moves with the network while it learns, without a gradient, until it is frozen: statistics and ranges."""

from __future__ import annotations

import torch

from lissom.ir.constant import constant_data, is_constant
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.ops.fold_batch_normalization import FoldBatchNormalization
from lissom.ir.ops.gemm import Gemm
from lissom.ir.tensors import to_tensor
from lissom.ir.values import Const, Value, producer
from lissom.passes import notes
from lissom.passes.quantize.scales import affine
from lissom.passes.train.network import Network, Watch

MOMENTUM = 0.99
"""How much of the moving average of a range a batch leaves as it was."""

Env = dict[Value, torch.Tensor]


def follow_statistics(network: Network) -> None:
    """Let the statistics in folded weights be moving averages of those of batches (Jacob et al. 2018, eq. 14).

    They are taken of what the layer computes with its own weights, not rounded, and hold from the next step on.
    """
    for op in network.graph.ops:
        if not isinstance(op, Conv | Gemm):
            continue
        weights = op.w if isinstance(op, Conv) else op.b
        folded = producer(weights.x if isinstance(weights, FakeQuant) else weights)
        if isinstance(folded, FoldBatchNormalization):
            _watch_statistics(network, op, folded)


def _watch_statistics(network: Network, op: Conv | Gemm, folded: FoldBatchNormalization) -> None:
    zeros = Const(torch.zeros(folded.scale.type.static or ()).numpy())
    b = folded.b if folded.b is not None else zeros
    plain = op.replace(**({"w": folded.w, "b": b} if isinstance(op, Conv) else {"b": folded.w, "c": b}))
    axis = 1 if isinstance(op, Conv) else op.type.rank - 1
    x = op.operands[0]
    mean, var = folded.input_mean, folded.input_var
    assert isinstance(mean, Const)
    assert isinstance(var, Const)
    for c in (mean, var):
        if c in network.fixed:  # not yet, by another layer with the same batch norm
            network.states[c] = network.fixed.pop(c).clone()

    def watch(env: Env) -> None:
        bias = torch.zeros_like(network.states[mean]) if folded.b is None else network.computed(b)
        y = plain.run(env[x], network.computed(folded.w), bias)
        of_batch = torch.var_mean(y, [i for i in range(y.ndim) if i != axis], correction=0)
        for c, now in zip((var, mean), of_batch, strict=True):
            network.states[c] = network.states[c] * folded.momentum + now * (1 - folded.momentum)

    network.watch[op] = watch


def follow_ranges(network: Network) -> None:
    """Let grids that are not learned follow what they are for (Jacob et al. 2018, section 3.1).

    The scales of weights keep their ratio to the largest magnitude, in each channel. The range of an activation is a
    moving average of the extremes of batches, beginning with the one it has; who shares a grid shares the widest.
    """
    sharing: dict[Value, list[FakeQuant]] = {}
    for op in network.graph.ops:
        if isinstance(op, FakeQuant) and op.chosen is None and op.scale in network.fixed:
            sharing.setdefault(op.scale, []).append(op)
    for scale, grids in sharing.items():
        assert isinstance(scale, Const)
        if is_constant(grids[0].x):
            network.states[scale] = network.fixed.pop(scale).clone()
            network.watch[grids[0]] = _of_weights(network, grids[0], scale)
        elif scale.type.rank == 0 and all(g.zero_point in network.fixed for g in grids):
            _of_activations(network, grids, scale)
        else:
            notes.refused("follow", grids[0], "its zero point is learned, or belongs to another grid too")


def _of_weights(network: Network, grid: FakeQuant, scale: Const) -> Watch:
    weights = to_tensor(constant_data(grid.x), grid.x.type.dtype).to(network.device)
    ratio = network.states[scale] / _largest(weights, grid)

    def watch(env: Env) -> None:
        moved = ratio * _largest(env[grid.x], grid)
        env[scale] = network.states[scale] = torch.where(torch.isfinite(moved) & (moved > 0), moved, env[scale])

    return watch


def _largest(w: torch.Tensor, grid: FakeQuant) -> torch.Tensor:
    others = [i for i in range(w.ndim) if grid.scale.type.rank == 0 or i != grid.axis % w.ndim]
    return w.abs().amax(others) if others else w.abs()


def _of_activations(network: Network, grids: list[FakeQuant], scale: Const) -> None:
    first = grids[0]
    zero_point = first.zero_point
    assert isinstance(zero_point, Const)
    limits = (first.low, first.high)
    symmetric = int(zero_point.data) == (first.low + first.high + 1) // 2
    for c in (scale, zero_point):
        network.states[c] = network.fixed.pop(c).clone()
    ends = (torch.tensor(limits, device=network.device) - network.states[zero_point]) * network.states[scale]
    for grid in grids:
        network.states[grid] = ends.to(torch.float32).clone()

    def watch(grid: FakeQuant, env: Env) -> None:
        low, high = torch.aminmax(env[grid.x])
        seen = torch.stack([low.clamp(max=0), high.clamp(min=0)])
        network.states[grid] = network.states[grid] * MOMENTUM + seen * (1 - MOMENTUM)
        ranges = torch.stack([network.states[g] for g in grids])
        bounds = float(ranges[:, 0].min()), float(ranges[:, 1].max())
        arrays = affine(bounds, zero_point.type.dtype, symmetric=symmetric, limits=limits)
        for c, array in zip((scale, zero_point), arrays, strict=True):
            env[c] = network.states[c] = to_tensor(array, c.type.dtype).to(network.device)

    for grid in grids:
        network.watch[grid] = lambda env, grid=grid: watch(grid, env)  # type: ignore[misc]
