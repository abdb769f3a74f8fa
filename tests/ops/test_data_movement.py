"""Ops that only move elements keep every bit, whatever the element type; numpy moves the same bits as the oracle."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops import (  # type: ignore[attr-defined]  # the op classes are put there by name
    Compress,
    Concat,
    Expand,
    Flatten,
    Gather,
    GatherElements,
    GatherND,
    Pad,
    Reshape,
    ReverseSequence,
    ScatterElements,
    ScatterND,
    Slice,
    Split,
    Squeeze,
    TensorScatter,
    Tile,
    Transpose,
    Unsqueeze,
)
from lissom.ir.samples import literal
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Value

SHAPE = (3, 4, 2)
SUB_BYTE = {"int4": (-8, 8), "uint4": (0, 16), "int2": (-2, 2), "uint2": (0, 4), "float4_e2m1fn": (0, 16)}
DTYPES = [d for d in DType if d not in (DType.string, DType.unknown)]

Moved = tuple[Callable[[Value], Value], Callable[[Array], Array]]


def scattered(x: Array) -> Array:
    y = x.copy()
    y[[1, 0], [2, 3]] = x[[0, 2], [0, 1]]
    return y


def written(x: Array) -> Array:
    y = x.copy()
    y[:, 1:3] = x[:, :2]
    return y


def backwards(x: Array) -> Array:
    y = x.copy()
    y[:3, 0], y[:2, 1] = x[2::-1, 0], x[1::-1, 1]
    return y


def updates(x: Value) -> Value:
    return GatherND(x, literal("i", [[0, 0], [2, 1]]))


MOVES: dict[str, Moved] = {
    "reshape": (lambda x: Reshape(x, literal("s", [4, 6])), lambda x: x.reshape(4, 6)),
    "flatten": (lambda x: Flatten(x, axis=2), lambda x: x.reshape(12, 2)),
    "transpose": (lambda x: Transpose(x, perm=(2, 0, 1)), lambda x: x.transpose(2, 0, 1)),
    "concat": (lambda x: Concat((x, x), axis=1), lambda x: np.concatenate((x, x), 1)),
    "slice": (
        lambda x: Slice(x, literal("s", [-1, 0]), literal("e", [-9, 2]), literal("a", [1, 2]), literal("k", [-2, 1])),
        lambda x: x[:, ::-2],
    ),
    "gather": (lambda x: Gather(x, literal("i", [[3, -4]]), axis=1), lambda x: x[:, [[3, 0]]]),
    "gather from a vector": (
        lambda x: Gather(Reshape(x, literal("s", [-1])), literal("i", [5, -1])),
        lambda x: x.ravel()[[5, 23]],
    ),
    "gather elements": (
        lambda x: GatherElements(x, literal("i", [[[1, 0], [-1, 1]]]), axis=2),
        lambda x: np.take_along_axis(x[:1, :2], np.array([[[1, 0], [1, 1]]]), 2),
    ),
    "gather nd": (lambda x: GatherND(x, literal("i", [[0, -1], [2, 0]])), lambda x: x[[0, 2], [3, 0]]),
    "unsqueeze": (lambda x: Unsqueeze(x, literal("a", [1, -1])), lambda x: x[:, None, ..., None]),
    "squeeze": (lambda x: Squeeze(Unsqueeze(x, literal("a", [0])), literal("a", [0])), lambda x: x),
    "split": (lambda x: Split(x, literal("s", [1, 3]), axis=1).results[1], lambda x: x[:, 1:]),
    "expand": (
        lambda x: Expand(Unsqueeze(x, literal("a", [1])), literal("s", [3, 2, 4, 2])),
        lambda x: np.repeat(x[:, None], 2, 1),
    ),
    "tile": (lambda x: Tile(x, literal("r", [1, 2, 2])), lambda x: np.tile(x, (1, 2, 2))),
    "pad with zeros": (
        lambda x: Pad(x, literal("p", [1, -1, 0, 0, 2, 1])),
        lambda x: np.pad(x[:, 1:], ((1, 0), (0, 2), (0, 1))),
    ),
    "pad with an element": (
        lambda x: Pad(x, literal("p", [1, 1]), Squeeze(GatherND(x, literal("i", [[0, 2, 1]]))), literal("a", [1])),
        lambda x: np.pad(x, ((0, 0), (1, 1), (0, 0)), constant_values=x[0, 2, 1]),
    ),
    "pad by reflection": (
        lambda x: Pad(x, literal("p", [5, 4]), axes=literal("a", [0]), mode="reflect"),
        lambda x: np.pad(x, ((5, 4), (0, 0), (0, 0)), "reflect"),
    ),
    "pad with the edge": (
        lambda x: Pad(x, literal("p", [5, 4]), axes=literal("a", [0]), mode="edge"),
        lambda x: np.pad(x, ((5, 4), (0, 0), (0, 0)), "edge"),
    ),
    "pad around": (
        lambda x: Pad(x, literal("p", [5, 4]), axes=literal("a", [0]), mode="wrap"),
        lambda x: np.pad(x, ((5, 4), (0, 0), (0, 0)), "wrap"),
    ),
    "scatter elements": (
        lambda x: ScatterElements(x, literal("i", np.broadcast_to([[[2]], [[0]], [[1]]], (3, 4, 2)).tolist()), x),
        lambda x: x[[1, 2, 0]],
    ),
    "scatter nd": (lambda x: ScatterND(x, literal("i", [[1, 2], [0, -1]]), updates(x)), scattered),
    "tensor scatter": (
        lambda x: TensorScatter(x, Gather(x, literal("i", [0, 1]), axis=1), literal("w", [1, 1, 1]), axis=1),
        written,
    ),
    "compress": (
        lambda x: Compress(x, literal("c", [False, True, True], DType.bool), axis=0),
        lambda x: x[1:],
    ),
    "compress all": (
        lambda x: Compress(x, literal("c", [False, True, True], DType.bool)),
        lambda x: x.ravel()[1:3],
    ),
    "reverse sequence": (
        lambda x: ReverseSequence(x, literal("l", [3, 2, 1, 0])),
        backwards,
    ),
}


def arbitrary(dtype: DType) -> Array:
    """Elements of any bits the type has, infinities and NaNs among them."""
    rng = np.random.default_rng(zlib.crc32(dtype.value.encode()))
    if dtype is DType.bool:
        return rng.integers(0, 2, SHAPE).astype(bool)
    if dtype.value in SUB_BYTE:
        low, high = SUB_BYTE[dtype.value]
        bits = rng.integers(low, high, SHAPE)
        return bits.astype(np.uint8).view(dtype.numpy) if dtype.is_float else bits.astype(dtype.numpy)
    count = int(np.prod(SHAPE)) * dtype.numpy.itemsize
    return np.frombuffer(rng.bytes(count), dtype=dtype.numpy).reshape(SHAPE)


def bits(x: Array) -> Array:
    """The elements as unsigned integers, or pairs of them, that numpy moves without looking at them."""
    plain = np.ascontiguousarray(x)
    if plain.dtype.kind == "c":
        return plain.view(np.dtype((np.void, plain.dtype.itemsize)))
    return plain.view(np.dtype(f"u{plain.dtype.itemsize}"))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("move", MOVES)
def test_every_bit_is_kept(move: str, dtype: DType) -> None:
    build, oracle = MOVES[move]
    data = arbitrary(dtype)
    graph = Graph()
    graph.set_outputs({"y": build(graph.input("x", TensorType(dtype, SHAPE)))})
    (result,) = evaluate(graph, data)
    expected: Any = oracle(bits(data)) if dtype.numpy.kind != "c" else oracle(data)
    assert result.dtype == data.dtype
    assert result.shape == expected.shape
    assert np.ascontiguousarray(result).tobytes() == np.ascontiguousarray(expected).tobytes()
