"""Learned rounding of the weights of whole blocks (Li et al. 2021, BRECQ, arXiv:2102.05426)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from lissom.ir.graph import Graph
from lissom.ir.interpreter import run_op
from lissom.ir.op import Op
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.tensors import to_tensor
from lissom.ir.values import Const, Value
from lissom.passes import notes
from lissom.passes.data import Data
from lissom.passes.graph_pass import Kind, graph_pass
from lissom.passes.quantize.adaround import PUSH, push, soft, start_of
from lissom.passes.quantize.layers import is_on_grid, scale_of
from lissom.passes.quantize.rounding import choose_integers
from lissom.passes.quantize.twin import Lane, Stream, Twin, feeds_of


@dataclass(frozen=True)
class Block:
    """Ops with one value coming out that anybody behind them reads; ``entries`` is what comes in."""

    entries: tuple[Value, ...]
    ops: tuple[Op, ...]

    @property
    def exit(self) -> Op:
        return self.ops[-1]

    @property
    def weights(self) -> list[FakeQuant]:
        """The weights on a grid."""
        return [op for op in self.ops if isinstance(op, FakeQuant) and is_on_grid(op)]


@graph_pass(Kind.decide)
def brecq(graph: Graph, *, samples: int = 64, iterations: int = 500, rate: float = 0.01, seed: int, data: Data) -> None:
    """Learn for every weight whether to round it up or down, so that the output of its block stays.

    A block is what lies between two values through which everything goes, such as a residual block: layers in it make
    up for each other. Li et al. 2021 (BRECQ, arXiv:2102.05426), with the plain error in place of the Fisher weighted.

    samples: how many of the calibration samples are used, at most.
    iterations: gradient steps a block.
    rate: step size of Adam.
    """
    ends = {block.exit: block for block in blocks_of(graph)}
    twin = Twin(graph, feeds_of(data, samples, graph))
    entered: list[Stream] = [{} for _ in twin.lanes]
    found: dict[FakeQuant, torch.Tensor] = {}

    def before(op: Op) -> None:
        for lane, stream in zip(twin.lanes, entered, strict=True):
            stream.update((v, lane.noisy[v]) for v in graph.inputs if v in lane.noisy)

    def after(op: Op) -> None:
        block = ends.get(op)
        if block is None:
            return
        if block.weights:
            integers = _reconstruct(block, entered, [lane.exact[op] for lane in twin.lanes], iterations, rate, seed)
            found.update(integers)
            weights = {fake: q * scale_of(fake, q) for fake, q in integers.items()}
            for lane, stream in zip(twin.lanes, entered, strict=True):
                _refresh(lane, block, stream, weights)
            notes.done("brecq", block.exit, f"{len(block.weights)} layers")
        for lane, stream in zip(twin.lanes, entered, strict=True):
            stream.clear()
            stream[op] = lane.noisy[op]

    twin.walk(before=before, after=after)
    choose_integers(graph, found)


def blocks_of(graph: Graph) -> Iterator[Block]:
    """The graph cut at every op whose result is all that anything behind it reads."""
    last: dict[Value, int] = {}
    for n, op in enumerate(graph.ops):
        last.update((v, n) for v in op.operands if not isinstance(v, Const))
    last.update((v, len(graph.ops)) for v in graph.outputs)
    live: set[Value] = set(graph.inputs)
    entries: tuple[Value, ...] = graph.inputs
    ops: list[Op] = []
    for n, op in enumerate(graph.ops):
        ops.append(op)
        live.update(op.results)
        live = {v for v in live if last.get(v, -1) > n}
        if live == {op}:
            yield Block(entries, tuple(ops))
            entries, ops = (op,), []


def _run(block: Block, entries: Stream, weights: dict[FakeQuant, torch.Tensor]) -> torch.Tensor:
    """What comes out of a block."""
    env: Stream = dict(entries)
    for op in block.ops:
        if isinstance(op, FakeQuant) and op in weights:
            env[op] = weights[op]
            continue
        for v in op.operands:
            if isinstance(v, Const):
                env[v] = to_tensor(v.data, v.type.dtype)
        env.update(zip(op.results, run_op(op, env), strict=True))
    return env[block.exit]


def _refresh(lane: Lane, block: Block, entries: Stream, weights: dict[FakeQuant, torch.Tensor]) -> None:
    lane.noisy[block.exit] = _run(block, entries, weights)


def _reconstruct(
    block: Block, entries: list[Stream], targets: list[torch.Tensor], iterations: int, rate: float, seed: int
) -> dict[FakeQuant, torch.Tensor]:
    """Integers for the weights of a block; every step sees one batch."""
    generator = torch.Generator().manual_seed(seed)
    floors: dict[FakeQuant, torch.Tensor] = {}
    up: dict[FakeQuant, torch.Tensor] = {}
    power = sum(float(t.pow(2).mean()) for t in targets) / len(targets) or 1.0
    with torch.enable_grad():
        for fake in block.weights:
            assert isinstance(fake.x, Const)
            ratio = to_tensor(fake.x.data, fake.x.type.dtype)
            ratio = ratio / scale_of(fake, ratio)
            floors[fake], up[fake] = torch.floor(ratio), start_of(ratio).requires_grad_()
        optimizer = torch.optim.Adam(list(up.values()), lr=rate)
        elements = sum(v.numel() for v in up.values())
        for step in range(iterations):
            n = int(torch.randint(len(targets), (), generator=generator))
            weights = {f: (floors[f] + soft(v)).clamp(f.low, f.high) * scale_of(f, floors[f]) for f, v in up.items()}
            error = (_run(block, entries[n], weights) - targets[n]).pow(2).mean() / power
            loss = error + PUSH * sum(push(v, step / iterations) for v in up.values()) / elements
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return {f: (floors[f] + (soft(v.detach()) >= 0.5)).clamp(f.low, f.high) for f, v in up.items()}
