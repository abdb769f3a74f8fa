"""What holds for every op, checked on its samples: types, text, gradients, costs, contents."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from lissom.ir.dims import bind
from lissom.ir.graph import Graph, Stage
from lissom.ir.interpreter import evaluate, execute
from lissom.ir.op import Op
from lissom.ir.parser import parse_graph
from lissom.ir.printer import external_weights, print_graph
from lissom.ir.samples import sample_feed, sample_graph, sample_sizes
from lissom.ir.tensors import to_tensor
from lissom.ir.types import Array, TensorType, dtype_of
from lissom.ir.values import Const, Input, Value
from lissom.ir.verify import verify

FLAT = {
    "BitCast": "bits have no slope",
    "EyeLike": "only the shape matters",
    "Hardmax": "its result is constant between ties",
    "MelWeightMatrix": "the edges of its triangles are whole bins",
}
"""Ops from floats to floats that no gradient flows through."""

FIXED = {
    "BatchNormalization": ("input_mean", "input_var"),
    "NegativeLogLikelihoodLoss": ("weight",),
    "SoftmaxCrossEntropyLoss": ("weights",),
}
"""Operands that are statistics or settings, not parameters: PyTorch refuses a gradient for them."""


def symbolic(sample: Op) -> Graph:
    """The sample as a graph, with the symbols it has. Decisions are legal in it."""
    graph = sample_graph(sample)
    graph.stage = Stage.decided
    return graph


def prepared(sample: Op) -> tuple[Graph, list[Array]]:
    """The sample as a graph of static shapes, and something to feed it."""
    sizes = sample_sizes(sample)
    graph = sample_graph(sample, sizes)
    graph.stage = Stage.decided
    return graph, sample_feed(sample, sizes)


FLOATS = (torch.float16, torch.float32, torch.float64)


def fits(declared: TensorType, array: Array) -> bool:
    """Whether the array is of the declared dtype, and of its shape wherever that is a number."""
    if dtype_of(array) is not declared.dtype:
        return False
    if declared.shape is None:
        return True
    return len(declared.shape) == array.ndim and all(
        not isinstance(d, int) or d == size for d, size in zip(declared.shape, array.shape, strict=True)
    )


def test_inferred_type_is_that_of_run(sample: Op) -> None:
    graph, feed = prepared(sample)
    verify(graph)
    results = evaluate(graph, *feed)
    for output, array in zip(graph.outputs, results, strict=True):
        assert fits(output.type, array), f"inferred {output.type}, got {array.dtype}{list(array.shape)}"
    graph, sizes = symbolic(sample), sample_sizes(sample)
    verify(graph)
    for output, array in zip(graph.outputs, results, strict=True):
        assert fits(output.type.bind(sizes), array), f"inferred {output.type}, got {list(array.shape)} for {sizes}"


def test_text_round_trip(sample: Op) -> None:
    static, feed = prepared(sample)
    for graph in (symbolic(sample), static):
        text = print_graph(graph)
        again = parse_graph(text, external_weights(graph))
        assert print_graph(again) == text
        assert [o.type for o in again.outputs] == [o.type for o in graph.outputs]
        for ours, theirs in zip(evaluate(graph, *feed), evaluate(again, *feed), strict=True):
            assert ours.tobytes() == theirs.tobytes()


def test_gradients_are_finite(sample: Op) -> None:
    graph, feed = prepared(sample)
    fixed = {getattr(graph.ops[-1], field) for field in FIXED.get(sample.op_type, ())}
    leaves: dict[Value, torch.Tensor] = {}
    for v, array in [*zip(graph.inputs, feed, strict=True), *((c, c.data) for c in graph.consts)]:
        tensor = to_tensor(np.array(array), v.type.dtype).clone()
        leaves[v] = tensor.requires_grad_(tensor.dtype in FLOATS and v not in fixed)
    results = execute(graph, {i: leaves[i] for i in graph.inputs}, constant=lambda c: leaves[c])
    wanted = [t for t in leaves.values() if t.requires_grad]
    floats = [r for r in results if r.dtype in FLOATS and r.numel()]
    smooth = [r for r in floats if r.requires_grad]
    expected = bool(wanted and floats) and sample.op_type not in FLAT
    assert bool(smooth) == expected, "a gradient flows from float results to float operands, and only there"
    for r in smooth:
        assert torch.isfinite(r).all(), "samples lie where the op is defined"
        for g in torch.autograd.grad(r.double().sum(), wanted, retain_graph=True, allow_unused=True):
            assert g is None or torch.isfinite(g).all()


def test_cost_counts_what_moves(sample: Op) -> None:
    graph, feed = prepared(sample)
    op = graph.ops[-1]
    cost = op.cost()
    arrays = dict(zip(graph.inputs, feed, strict=True))
    direct = [v for v in dict.fromkeys(op.operands) if isinstance(v, Input | Const)]
    if len(direct) == len(set(op.operands)):
        read = sum((v.data if isinstance(v, Const) else arrays[v]).size * v.type.dtype.bits // 8 for v in direct)
        assert abs(cost.read - read) <= len(direct)  # sub-byte elements are packed, and round up
    assert cost.params == sum(v.data.size for v in direct if isinstance(v, Const))
    if all(r.type.static is not None for r in op.results):
        results = evaluate(graph, *feed)
        assert abs(cost.written - sum(a.size * dtype_of(a).bits // 8 for a in results)) <= len(results)


def test_macs_are_what_torch_counts(sample: Op) -> None:
    graph, feed = prepared(sample)
    tensors = {i: to_tensor(a, i.type.dtype) for i, a in zip(graph.inputs, feed, strict=True)}
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        execute(graph, tensors)
    macs = sum(op.cost().macs for op in graph.ops)
    assert macs >= 0
    if flops := counter.get_total_flops():
        assert macs == flops // 2


def test_contents_are_what_run_computes(sample: Op) -> None:
    graph, sizes = symbolic(sample), sample_sizes(sample)
    feed = sample_feed(sample, sizes)
    for output, array in zip(graph.outputs, evaluate(graph, *feed), strict=True):
        if output.contents is not None:
            assert output.contents.shape == array.shape
            assert [bind(d, sizes) for d in output.contents.flat] == array.reshape(-1).tolist()
