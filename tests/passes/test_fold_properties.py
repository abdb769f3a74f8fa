"""Folding keeps what a graph computes, for shapes nobody thought of."""

from __future__ import annotations

from math import prod

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lissom.ir.dims import Dim, symbol
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.flatten import Flatten
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.pad import Pad
from lissom.ir.ops.reshape import Reshape
from lissom.ir.ops.slice import Slice
from lissom.ir.ops.squeeze import Squeeze
from lissom.ir.ops.tanh import Tanh
from lissom.ir.ops.transpose import Transpose
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Const, Value
from lissom.ir.verify import verify
from lissom.passes.compare import relative_error
from lissom.passes.fold import fold


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).uniform(0.5, 1.5, shape).astype(np.float32)


def same_after_fold(graph: Graph, x: np.ndarray) -> Graph:
    before = evaluate(graph, x)
    fold(graph)
    verify(graph)
    for a, b in zip(before, evaluate(graph, x), strict=True):
        assert a.shape == b.shape
        assert relative_error(a, b) < 1e-5
    return graph


def kinds(graph: Graph) -> set[str]:
    return {op.op_type for op in graph.ops}


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_affine_steps_around_a_convolution(data):
    draw = data.draw
    group, per_group, out = draw(st.sampled_from([1, 2, 3])), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rank, kernel = draw(st.sampled_from([1, 2])), draw(st.integers(1, 3))
    channels, transposed, padded = group * per_group, draw(st.booleans()), draw(st.booleans())
    graph = Graph()
    x: Value = graph.input("x", TensorType(DType.float32, (symbol("N"), channels, *(7,) * rank)))
    pads = (1,) * 2 * rank if padded and kernel == 3 else (0,) * 2 * rank
    for i in range(draw(st.integers(0, 2))):
        x = _affine(draw, x, i)
    if draw(st.booleans()):
        x = Pad(x, Const(np.array([0, 0, *(1,) * rank] * 2, np.int64)))
    if transposed:
        x = ConvTranspose(x, Const(random(channels, out, *(kernel,) * rank)), pads=pads, group=group)
    else:
        x = Conv(x, Const(random(group * out, per_group, *(kernel,) * rank)), pads=pads, group=group)
    after = draw(st.integers(0, 3))
    for i in range(after):
        x = _affine(draw, x, 10 + i)
    graph.set_outputs({"y": graph.append(Tanh(x) if isinstance(x, Op) else x)})
    folded = same_after_fold(graph, random(2, channels, *(7,) * rank))
    convs = [op for op in folded.ops if isinstance(op, Conv | ConvTranspose)]
    assert [op.op_type for op in convs[0].users] == ["Tanh"], "whatever came behind is in the weights"


def _affine(draw, x: Value, seed: int) -> Value:
    channels = x.type.dims[1]
    assert isinstance(channels, int)
    column = random(channels, *(1,) * (x.type.rank - 2), seed=seed)
    match draw(st.sampled_from(["norm", "mul", "add"])):
        case "norm":
            return BatchNormalization(x, *(Const(random(channels, seed=seed + i)) for i in range(1, 5)))
        case "mul":
            return Mul(Const(column), x)
        case _:
            return Add(x, Const(column))


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_views_and_transposes(data):
    draw = data.draw
    sizes = (2, *draw(st.lists(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=3)))
    free = draw(st.booleans())
    graph = Graph()
    shape: tuple[Dim, ...] = (symbol("N"), *sizes[1:]) if free else sizes
    x: Value = graph.input("x", TensorType(DType.float32, shape))
    for _ in range(draw(st.integers(1, 5))):
        x = _view(draw, x)
    graph.set_outputs({"y": x})
    same_after_fold(graph, random(*sizes))


def _view(draw, x: Value) -> Value:
    rank = x.type.rank
    match draw(st.sampled_from(["transpose", "flatten", "reshape", "squeeze", "unsqueeze"])):
        case "transpose":
            return Transpose(x, tuple(draw(st.permutations(range(rank)))))
        case "flatten":
            return Flatten(x, axis=draw(st.integers(0, rank)))
        case "unsqueeze":
            return Unsqueeze(x, Const(np.array([draw(st.integers(-rank - 1, rank))], np.int64)))
        case "squeeze":
            ones = [i for i, d in enumerate(x.type.dims) if d == 1]
            return (
                Squeeze(x, Const(np.array(draw(st.lists(st.sampled_from(ones), unique=True)), np.int64))) if ones else x
            )
        case _:
            numbers = [d for d in x.type.dims if isinstance(d, int)]
            assume(rank)
            split = draw(st.sampled_from([2, 3, 1]))
            if isinstance(x.type.dims[0], int) or prod(numbers) % split:
                return Reshape(x, Const(np.array([-1], np.int64)))
            return Reshape(x, Const(np.array([0, split, prod(numbers) // split], np.int64)))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.booleans(), st.booleans(), st.randoms())
def test_slices(parts, whole, negative, shuffled):
    size = sum(parts) + (0 if whole else 1)
    graph = Graph()
    x = graph.input("x", TensorType(DType.float32, (symbol("N"), size, 2)))
    bounds = np.cumsum([0, *parts]).tolist()
    order = list(range(len(parts)))
    shuffled.shuffle(order)
    outputs = {}
    for i in order:
        start, end = bounds[i], bounds[i + 1]
        end = end - size if negative and end < size else 10**12 if end == size else end
        operands = (Const(np.array([v], np.int64)) for v in (start, end, 1))
        outputs[f"y{i}"] = graph.append(Tanh(Slice(x, *operands)))
    graph.set_outputs(outputs)
    folded = same_after_fold(graph, random(3, size, 2))
    expected = {"Tanh"} if whole and len(parts) == 1 else {"Tanh", "Split"} if whole else {"Tanh", "Slice"}
    assert kinds(folded) == expected
    assert sum(op.op_type == "Split" for op in folded.ops) <= 1
