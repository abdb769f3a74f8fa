"""Shape arithmetic as exporters write it: symbolic sizes come out exact, and equal to what running the ops gives."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.ir.dims import Dim, bind, symbol
from lissom.ir.errors import TypeMismatch
from lissom.ir.graph import Graph
from lissom.ir.importers.onnx import load
from lissom.ir.interpreter import evaluate
from lissom.ir.ops import (  # type: ignore[attr-defined]  # the op classes are put there by name
    Compress,
    Concat,
    ConstantOfShape,
    Expand,
    Gather,
    NonZero,
    Pad,
    Range,
    Reshape,
    Shape,
    Slice,
    Split,
    Squeeze,
    Tile,
    TopK,
    Transpose,
    Unsqueeze,
)
from lissom.ir.parser import parse_graph
from lissom.ir.printer import print_graph
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, tensor
from lissom.ir.values import Value
from lissom.ir.verify import verify

N, C, H, W = map(symbol, "NCHW")


def vector(*parts: Value | int) -> Value:
    """A shape operand of single sizes, put together as the exporter does it."""
    return Concat(
        tuple(literal("c", [p]) if isinstance(p, int) else Unsqueeze(p, literal("axes", [0])) for p in parts), axis=0
    )


def size(x: Value, axis: int) -> Value:
    return Gather(Shape(x), literal("i", axis))


class Attention(torch.nn.Module):
    """What vision transformers do to shapes: patches, a class token, heads, and back."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.qkv = torch.nn.Conv2d(3, 8, 4, 4), torch.nn.Linear(8, 24)
        self.token = torch.nn.Parameter(torch.zeros(1, 1, 8))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        b = x.shape[0]
        t = self.patch(x).flatten(2).transpose(1, 2)
        t = torch.cat([self.token.expand(b, -1, -1), t], 1)
        n = t.shape[1]
        q, k, v = self.qkv(t).reshape(b, n, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        a = (q @ k.transpose(-2, -1)).softmax(-1) @ v
        return a, a.transpose(1, 2).reshape(b, n, 8)[:, 0], t[:, 1:]


class Views(torch.nn.Module):
    """Channel shuffle, pixel shuffle, windows, strided and backward parts, sizes used as numbers."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        b, c, h, w = x.shape
        shuffled = x.view(b, 2, c // 2, h, w).transpose(1, 2).reshape(b, c, h, w)
        windows = x.view(b, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 3, 5, 1).reshape(-1, 4, c)
        first, second = x.chunk(2, 1)
        return (
            torch.nn.functional.pixel_shuffle(shuffled, 2),
            windows,
            x.flatten(2).transpose(1, 2).reshape(b, h, w, c),
            x[:, :, 1:, :-1],
            x[:, :, ::2, ::2],
            torch.cat([second, first, x], 1) + torch.arange(w),
            torch.nn.functional.pad(x, (1, 2, 0, 3)),
            torch.zeros(b, h) + x[:, 0, :, 0],
            x.repeat(1, 1, 2, 1),
        )


EXPORTS: list[tuple[torch.nn.Module, tuple[int, ...], dict[int, str], list[tuple[Dim, ...]]]] = [
    (Attention(), (2, 3, 8, 8), {0: "N"}, [(N, 2, 5, 4), (N, 8), (N, 4, 8)]),
    (
        Views(),
        (2, 4, 8, 6),
        {0: "N", 2: "H", 3: "W"},
        [
            (N, 1, 2 * H, 2 * W),
            (N * (H // 2) * (W // 2), 4, 4),
            (N, H, W, 4),
            (N, 4, H - 1, W - 1),
            (N, 4, (H + 1) // 2, (W + 1) // 2),
            (N, 8, H, W),
            (N, 4, H + 3, W + 3),
            (N, H),
            (N, 4, 2 * H, W),
        ],
    ),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("module", "sizes", "dynamic", "expected"), EXPORTS, ids=["attention", "views"])
def test_exported_models_keep_exact_shapes(
    module: torch.nn.Module, sizes: tuple[int, ...], dynamic: dict[int, str], expected: list[tuple[Dim, ...]]
) -> None:
    data, example = io.BytesIO(), torch.randn(sizes)
    torch.onnx.export(
        module.eval(), (example,), data, dynamo=False, input_names=["x"], dynamic_axes={"x": dynamic}, opset_version=17
    )
    graph = load(onnx.load_from_string(data.getvalue()))
    verify(graph)
    assert [v.type.shape for v in graph.outputs] == expected
    with torch.no_grad():
        for ours, theirs in zip(evaluate(graph, example.numpy()), module(example), strict=True):
            np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-4, atol=1e-5)


def test_reshape_infers_what_is_left() -> None:
    x = value("x", N, 4, H, W)
    assert Reshape(x, vector(size(x, 0), -1)).type.shape == (N, 4 * H * W)
    assert Reshape(x, literal("s", [0, 0, -1])).type.shape == (N, 4, H * W)
    assert Reshape(x, vector(-1, size(x, 2), 2)).type.shape == (2 * N * W, H, 2)
    assert Reshape(x, vector(size(x, 0), -1, 8)).type.shape == (N, H * W // 2, 8)
    tokens = value("t", N * H + N, 64)
    assert Reshape(tokens, vector(size(value("u", N, H + 1), 1), -1, 64)).type.shape == (H + 1, N, 64)
    assert Reshape(value("x", 0, N), literal("s", [3, 0]), allowzero=True).type.shape == (3, 0)


def test_faults_are_named() -> None:
    for shape, expected in (([4, 7], "a shape of 24 elements"), ([5, -1], "divide"), ([-1, -1], "at most one -1")):
        with pytest.raises(TypeMismatch, match=f"Reshape.*{expected}"):
            Reshape(value("x", 2, 3, 4), literal("s", shape))
    with pytest.raises(TypeMismatch, match=r"Concat.*agree except along axis 1"):
        Concat((value("a", 2, 3), value("b", 3, 3)), axis=1)
    with pytest.raises(TypeMismatch, match=r"Gather.*indices in \[-2, 1\]"):
        Gather(Shape(value("x", N, 3)), literal("i", [2]))
    with pytest.raises(TypeMismatch, match=r"Split.*add up to 6"):
        Split(value("x", 6), literal("s", [2, 3]))
    with pytest.raises(TypeMismatch, match=r"Slice.*other than 0"):
        Slice(value("x", 6), literal("s", [0]), literal("e", [3]), steps=literal("k", [0]))
    with pytest.raises(TypeMismatch, match=r"Squeeze.*size 1 at axis 1"):
        Squeeze(value("x", 1, 3), literal("axes", [1]))
    with pytest.raises(TypeMismatch, match="axes that differ"):
        Transpose(value("x", 1, 3), perm=(0, 0))


def test_sizes_only_data_decide() -> None:
    """They get symbols of their own, which stay in copies, in text, and when types are inferred again."""
    graph = Graph()
    x, target = graph.input("x", tensor("float32", N, 3)), graph.input("target", tensor("int64", 2))
    found = NonZero(x)
    reshaped = Reshape(x, target)
    top = TopK(x, Gather(target, literal("i", [0])), axis=1)
    some = Compress(x, graph.input("c", tensor("bool", 3)), axis=1)
    counted = Range(literal("a", 0), Gather(Shape(found), literal("i", 1)), literal("d", 1))
    graph.set_outputs({"found": found, "y": reshaped, "top": top, "some": some, "counted": counted})
    verify(graph)
    types = [v.type for v in graph.outputs]
    unknown = [found.type.dims[1], *reshaped.type.dims, top.type.dims[1], some.type.dims[1]]
    assert len(set(map(str, unknown))) == len(unknown)
    assert counted.type.shape == (found.type.dims[1],), "a size that is computed from an unknown one is that one"
    text = print_graph(graph)
    again = parse_graph(text)
    verify(again)
    assert print_graph(again) == text
    for size in (5, H):
        assert [v.type for v in graph.bind({"N": size}).outputs] == [t.bind({"N": size}) for t in types]
    graph.retype_input(x, tensor("float32", H, 3))
    verify(graph)
    assert [v.type for v in graph.outputs] == [t.bind({"N": H}) for t in types]


ids = st.integers(-4, 3)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("gather"), st.lists(ids, min_size=1, max_size=4)),
        st.tuples(st.just("slice"), st.tuples(ids, st.integers(-5, 9), st.sampled_from([-2, -1, 1, 2]))),
        st.tuples(st.just("concat"), st.lists(st.integers(1, 5), max_size=2)),
        st.tuples(st.just("tile"), st.integers(1, 2)),
        st.tuples(st.just("square"), st.none()),
        st.tuples(st.just("expand"), st.integers(1, 3)),
        st.tuples(st.just("constant"), st.integers(1, 3)),
    ),
    max_size=5,
)


def advance(v: Value, step: tuple[str, Any]) -> Value:
    """One step of arithmetic on a vector of sizes that has at least one element, and then still has."""
    kind, given = step
    n = v.type.dims[0]
    assert isinstance(n, int)
    match kind:
        case "gather":
            return Gather(v, literal("i", [i % n for i in given]))
        case "slice":
            part = Slice(v, *(literal("n", [k]) for k in given[:2]), literal("axes", [0]), literal("step", [given[2]]))
            return part if part.type.dims[0] else v
        case "concat":
            return Concat((v, literal("c", given)), axis=0)
        case "tile":
            return Tile(v, literal("r", [given]))
        case "square":
            twice = Expand(Unsqueeze(v, literal("axes", [0])), literal("s", [2, 1]))
            return Reshape(Transpose(twice), literal("s", [-1]))
        case "expand":
            return Squeeze(Unsqueeze(Concat((v, v), axis=0), literal("axes", [-1])), literal("axes", [1]))
        case _:
            return Concat((ConstantOfShape(literal("s", [given]), value=7, dtype=DType.int64), v), axis=0)


@settings(deadline=None)
@given(steps, st.tuples(st.integers(1, 5), st.integers(1, 5)))
def test_contents_are_what_running_gives(arithmetic: list[tuple[str, Any]], sizes: tuple[int, int]) -> None:
    graph = Graph()
    x = graph.input("x", tensor("float32", N, 2 * H, 3, N + H))
    v: Value = Shape(x)
    for step in arithmetic:
        if v.type.size() < 64:
            v = advance(v, step)
    graph.set_outputs({"sizes": v})
    verify(graph)
    known = {"N": sizes[0], "H": sizes[1]}
    shape = x.type.bind(known).static
    assert shape is not None
    (result,) = evaluate(graph, np.zeros(shape, np.float32))
    assert v.contents is not None
    assert [bind(d, known) for d in v.contents] == result.tolist()


def test_pads_add_up() -> None:
    x = value("x", N, C, H)
    assert Pad(x, literal("p", [0, 1, -1, 0, 2, 3])).type.shape == (N, C + 3, H + 2)
    assert Pad(x, literal("p", [1, 2]), axes=literal("axes", [-1])).type.shape == (N, C, H + 3)
    (a, b, c) = Split(value("x", N, 3 * C), axis=1, num_outputs=3).results
    assert a.type.shape == b.type.shape == c.type.shape == (N, C)
