"""The text form: what is printed parses back to the same graph, and what does not parse is pointed at."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.ir.dims import symbol
from lissom.ir.errors import ParseError
from lissom.ir.graph import Graph, Stage
from lissom.ir.ops import Add, Conv, Opaque, Relu
from lissom.ir.parser import parse_graph, parse_type
from lissom.ir.printer import INLINE_LIMIT, external_weights, print_graph
from lissom.ir.types import DType, TensorType, tensor
from lissom.ir.values import Const, Loc, Value
from lissom.ir.verify import verify

names = st.text(max_size=8) | st.sampled_from(
    [
        "x",
        "conv1/weight:0",
        "a b",
        '"',
        "\\",
        "\\n",
        "%",
        "a\nb",
        "a\rb",
        "é",
        "\u2028",
        "\x85",
        "_v0",
        "1",
        ":",
        ": ",
        "  @ ",
    ]
)
dim = (
    st.integers(0, 5)
    | names.filter(bool).map(symbol)
    | st.just(2 * symbol("H") + 1)
    | st.sampled_from([symbol("H") // 2, (symbol("H") - 3) % 4])
)
shapes = st.lists(dim, max_size=3).map(tuple)
tensor_types = st.builds(TensorType, st.sampled_from(DType), st.none() | shapes)
scalars: st.SearchStrategy[Any] = (
    st.integers() | st.floats() | st.text(max_size=6) | st.booleans() | st.binary(max_size=4) | st.none() | tensor_types
)
attributes = (
    scalars | st.lists(scalars, max_size=3).map(tuple) | st.lists(st.tuples(names, scalars), max_size=2).map(tuple)
)
locs = st.none() | st.builds(Loc, st.sampled_from(["onnx", "torch"]), names)


def constants() -> st.SearchStrategy[Const]:
    inlineable = [d for d in DType if d not in (DType.unknown, DType.string)]

    @st.composite
    def build(draw: st.DrawFn) -> Const:
        dtype = draw(st.sampled_from(inlineable))
        shape = tuple(draw(st.lists(st.integers(0, 5), max_size=2)))
        rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        bits = rng.integers(0, 256, (*shape, dtype.numpy.itemsize), np.uint8)
        if dtype is DType.bool or dtype.bits < 8:
            data = rng.integers(0, 2, shape).astype(dtype.numpy)
        elif "float8" in dtype.value or dtype is DType.bfloat16:
            data = rng.integers(-4, 5, shape).astype(np.float32).astype(dtype.numpy)
        else:
            data = bits.view(dtype.numpy).reshape(shape)  # any bits at all: nan, inf, the largest integers
        return Const(data, draw(names), trainable=draw(st.booleans()))

    return build()


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Graphs of every printable thing: odd names, absent and variadic operands, several results, all dtypes."""
    g = Graph(draw(names))
    g.stage = draw(st.sampled_from([Stage.imported, Stage.realized]))
    values: list[Value] = []
    for name in draw(st.lists(names.filter(bool), max_size=3, unique=True)):
        values.append(g.input(name, draw(tensor_types)))
    image = g.input("the image", tensor("float32", symbol("N"), 2, 4, 4))
    conv = Conv(image, Const(np.ones((2, 2, 1, 1), np.float32), draw(names)), pads=(1, 0, 0, 1)).named(draw(names))
    values += [conv, Relu(conv).named(draw(names)), Add(conv, conv).named(draw(names), draw(locs))]
    for _ in range(draw(st.integers(0, 3))):
        pool = st.sampled_from(values) | constants()
        op = Opaque(
            kind=draw(names),
            of_domain=draw(names),
            inputs=tuple(draw(st.lists(st.none() | pool, max_size=3))),
            captures=tuple(draw(st.lists(pool, max_size=2))),
            attrs=tuple(draw(st.lists(st.tuples(names, attributes), max_size=3))),
            result_types=tuple(draw(st.lists(tensor_types, min_size=1, max_size=3))),
        ).named(draw(names), draw(locs))
        g.append(op)
        values += op.results
    outputs = draw(st.lists(names.filter(bool), max_size=3, unique=True))
    g.set_outputs([(n, draw(st.sampled_from(values))) for n in outputs])
    g.prune()
    return g


def same(a: Any, b: Any) -> bool:
    """Equality in which nan equals nan and numbers of different types differ."""
    if isinstance(a, tuple):
        return isinstance(b, tuple) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and math.isnan(a):
        return isinstance(b, float) and math.isnan(b)
    return type(a) is type(b) and a == b


@settings(max_examples=150)
@given(graphs())
def test_round_trip(g: Graph) -> None:
    text = print_graph(g)
    back = parse_graph(text, external_weights(g))
    assert print_graph(back) == text
    verify(back)
    assert back.name == g.name
    assert back.stage is g.stage
    assert back.output_names == g.output_names
    assert [i.type for i in back.inputs] == [i.type for i in g.inputs]
    twins = {**dict(zip(g.inputs, back.inputs, strict=True)), **dict(zip(g.consts, back.consts, strict=True))}
    for c, d in zip(g.consts, back.consts, strict=True):
        assert c.data.dtype == d.data.dtype
        numbers = [x.astype(np.float32) if "float8" in x.dtype.name else x for x in (c.data, d.data)]  # for its NaNs
        np.testing.assert_array_equal(*numbers)
        assert c.trainable == d.trainable
    for op, twin in zip(g.ops, back.ops, strict=True):
        assert type(op) is type(twin)
        assert [r.type for r in op.results] == [r.type for r in twin.results]
        assert op.loc is None or op.loc == twin.loc
        assert [twins[v] for v in op.operands] == list(twin.operands)
        for name, held in op.attributes.items():
            assert same(held, twin.attributes[name]), (name, held, twin.attributes[name])
        twins.update(zip(op.results, twin.results, strict=True))
    assert [twins[v] for v in g.outputs] == list(back.outputs)


@given(tensor_types)
def test_type_round_trip(type: TensorType) -> None:
    assert parse_type(str(type)) == type


def test_small_constants_are_inline_and_large_ones_outside() -> None:
    g = Graph()
    x = g.input("x", tensor("float32", INLINE_LIMIT + 1))
    small = Add(x, Const(np.float32([0.5]), "small"))
    g.set_outputs({"y": Add(small, Const(np.zeros(INLINE_LIMIT + 1, np.float32), "large"))})
    assert external_weights(g).keys() == {"large"}
    assert "const %small: float32[1] = [0.5]" in str(g)
    with pytest.raises(ParseError, match="the elements of %large are neither here nor in the weights given"):
        parse_graph(str(g))


GOOD = """\
graph 'net' stage=imported {
  input %x: float32[1,2,4,4]
  const %w: float32[2,2,1,1] = [[[[1.0]], [[0.0]]], [[[0.0]], [[1.0]]]]
  %conv = Conv(%x, %w): float32[1,2,4,4]
  %y = Relu(%conv): float32[1,2,4,4]
  output 'y' = %y
}
"""


def test_the_example_parses() -> None:
    verify(parse_graph(GOOD))


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("graph 'net'", "graf 'net'", 1, "expected: graph 'name' stage=imported {"),
        ("stage=imported", "stage=halfway", 1, "expected: graph 'name' stage=imported {"),
        ("float32[1,2,4,4]\n  const", "float33[1,2,4,4]\n  const", 2, "not a tensor type: 'float33"),
        ("input %x:", "input x:", 2, "expected: %name: type"),
        ("[1,2,4,4]\n  const", "[1,,4]\n  const", 2, "not a shape"),
        ("float32[2,2,1,1] =", "float32[2,3,1,1] =", 3, "cannot reshape"),
        ("[[[[1.0]]", "[[[[one]]", 3, "not a literal: one"),
        ("Conv(", "Convolve(", 4, "Convolve"),
        ("%x, %w", "%x, %v", 4, "%v is not defined above"),
        ("%x, %w", "%x", 4, "Conv needs a value for field 'w'"),
        ("%x, %w)", "%x, %w, padding=1)", 4, "Conv got an unknown field 'padding'"),
        ("%x, %w)", "%x, %w, group=2)", 4, "expected 4 input channels, got 2"),
        ("%x, %w)", "%x, %w", 4, "expected: %result = Op"),
        ("Relu(%conv): float32[1,2,4,4]", "Relu(%conv): float32[1,2,4,5]", 5, "declared float32[1,2,4,5]; inferred"),
        ("%y = Relu", "%conv = Relu", 5, "%conv is defined twice"),
        ("output 'y' = %y", "output 'y' = %z", 6, "%z is not defined above"),
        ("output 'y' = %y", "output y = %y", 6, ""),
        ("}\n", "", 6, "the text ends before the closing }"),
        ("}\n", "}\nmore\n", 8, "text after the closing }"),
    ],
)
def test_what_does_not_parse_is_pointed_at(old: str, new: str, line: int, message: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    with pytest.raises(ParseError) as caught:
        parse_graph(text)
    first, shown, *pointer = str(caught.value).rsplit("\n", 2)
    assert first.startswith(f"line {line}: ")
    assert message in first
    assert shown == text.splitlines()[line - 1]
    assert [p.strip() for p in pointer] == ["^"]


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_empty_text_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_graph(text)


@given(st.integers(0, len(GOOD) - 1), st.sampled_from(["", "(", "'", "%", "]", "\\", "=", "\n", ",", "lambda", "é"]))
def test_damaged_text_is_a_parse_error_or_a_graph(at: int, junk: str) -> None:
    """Never another exception."""
    try:
        verify(parse_graph(GOOD[:at] + junk + GOOD[at + 1 :]))
    except ParseError as e:
        assert str(e).startswith("line ")  # noqa: PT017
