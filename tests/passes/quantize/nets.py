"""Small random networks for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lissom.ir.dims import symbol
from lissom.ir.graph import Graph
from lissom.ir.ops.abs import Abs
from lissom.ir.ops.add import Add
from lissom.ir.ops.average_pool import AveragePool
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.flatten import Flatten
from lissom.ir.ops.gelu import Gelu
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.hard_swish import HardSwish
from lissom.ir.ops.layer_normalization import LayerNormalization
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.max import Max
from lissom.ir.ops.max_pool import MaxPool
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.pow import Pow
from lissom.ir.ops.prelu import PRelu
from lissom.ir.ops.reduce_max import ReduceMax
from lissom.ir.ops.reduce_mean import ReduceMean
from lissom.ir.ops.reduce_sum import ReduceSum
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.resize import Resize
from lissom.ir.ops.sigmoid import Sigmoid
from lissom.ir.ops.softmax import Softmax
from lissom.ir.ops.sub import Sub
from lissom.ir.ops.transpose import Transpose
from lissom.ir.ops.where import Where
from lissom.ir.types import tensor
from lissom.ir.values import Const, Value

Rng = np.random.Generator


def weights(rng: Rng, *shape: int) -> Const:
    """Normal weights that keep the size of what they act on."""
    scale = 1.5 / np.sqrt(max(1, np.prod(shape[1:])))
    return Const((rng.standard_normal(shape) * scale).astype(np.float32), "w")


def axes(*which: int) -> Const:
    """Axes as an operand."""
    return Const(np.array(which, np.int64), "axes")


def graph_of(build: Callable[[Value], Value], *shape: int) -> Graph:
    """A graph of one input with a symbolic batch."""
    graph = Graph("net")
    graph.set_outputs({"y": build(graph.input("x", tensor("float32", symbol("N"), *shape)))})
    return graph


def batches(rng: Rng, *shape: int, count: int = 3, size: int = 16) -> list[np.ndarray]:
    """Unlabelled data."""
    return [rng.standard_normal((size, *shape)).astype(np.float32) for _ in range(count)]


def chain(rng: Rng, channels: int = 8) -> Graph:
    """Convolutions: plain, depthwise, grouped; a residual sum; a mean and a matrix product."""

    def build(x: Value) -> Value:
        a = Relu(Conv(x, weights(rng, channels, 3, 3, 3), weights(rng, channels), pads=(1, 1, 1, 1)).named("first"))
        b = Relu(Conv(a, weights(rng, channels, 1, 3, 3), pads=(1, 1, 1, 1), group=channels).named("depthwise"))
        c = Conv(b, weights(rng, channels, channels // 2, 1, 1), weights(rng, channels), group=2).named("grouped")
        d = Relu(Add(a, c).named("sum"))
        pooled = ReduceMean(d, axes(2, 3), False)
        return Gemm(pooled, weights(rng, 5, channels), weights(rng, 5), transB=True).named("fc")

    return graph_of(build, 3, 8, 8)


def attention(rng: Rng, tokens: int = 6, width: int = 8) -> Graph:
    """One block of a transformer with one head."""

    def linear(x: Value, n: int, name: str) -> Value:
        inner = x.type.dims[-1]
        assert isinstance(inner, int)
        product = MatMul(x, Const(weights(rng, n, inner).data.T.copy(), "w")).named(name)
        return Add(product, Const(rng.standard_normal(n).astype(np.float32) * 0.1, "b"))

    def norm(x: Value) -> Value:
        scale = Const((1 + 0.2 * rng.standard_normal(width)).astype(np.float32), "scale")
        return LayerNormalization(x, scale, weights(rng, width))

    def build(x: Value) -> Value:
        h = norm(x)
        q, k, v = (linear(h, width, name) for name in ("q", "k", "v"))
        scores = Mul(MatMul(q, Transpose(k, perm=(0, 2, 1))), Const(np.float32(width**-0.5), "root"))
        x = Add(x, linear(MatMul(Softmax(scores), v), width, "out"))
        x = Add(x, linear(Gelu(linear(norm(x), 2 * width, "up")), width, "down"))
        return linear(ReduceMean(x, axes(1), False), 4, "head")

    return graph_of(build, tokens, width)


def spatial(rng: Rng) -> Graph:
    """Transposed convolutions, interpolation, PRelu, maxima, choices, sums: what images are upsampled with."""

    def build(x: Value) -> Value:
        a = PRelu(Conv(x, weights(rng, 6, 3, 3, 3), weights(rng, 6), pads=(1, 1, 1, 1)), weights(rng, 6, 1, 1))
        up = Relu(ConvTranspose(a, weights(rng, 6, 4, 2, 2), weights(rng, 4), strides=(2, 2)).named("up"))
        wide = Resize(a, None, Const(np.float32([2, 2])), mode="linear", axes=(2, 3))
        deep = ConvTranspose(wide, weights(rng, 6, 2, 3, 3), None, pads=(1, 1, 1, 1), group=2).named("grouped")
        larger = Max((up, deep))
        kept = Where(Const(rng.random((4, 1, 1)) < 0.7), larger, Const(np.float32(0)))
        shape = [np.abs(weights(rng, 4).data) + 0.5 for _ in range(2)]
        normal = BatchNormalization(Abs(kept), Const(shape[0]), weights(rng, 4), weights(rng, 4), Const(shape[1]))
        largest, total = ReduceMax(normal, axes(2), False), ReduceSum(normal, axes(2, 3), False)
        joined = Concat((Flatten(largest), Pow(total, Const(np.float32(2)))), 1)
        return Gemm(joined, weights(rng, 3, int(joined.type.dims[1])), weights(rng, 3), transB=True)  # type: ignore[call-overload]

    return graph_of(build, 3, 5, 6)


def drawn(rng: Rng) -> tuple[Graph, tuple[int, ...]]:
    """A random network of three to six ops, and the shape of its input."""
    if rng.random() < 0.25:
        tokens, width = int(rng.integers(2, 7)), int(rng.integers(3, 12))
        return attention(rng, tokens, width), (tokens, width)
    c, h, w = (int(n) for n in (rng.integers(1, 5), rng.integers(5, 10), rng.integers(5, 10)))

    def build(x: Value) -> Value:
        for _ in range(int(rng.integers(2, 6))):
            n = int(x.type.dims[1])  # type: ignore[call-overload]
            match int(rng.integers(10)):
                case 0 | 1 | 2:
                    k = int(rng.choice([1, 3]))
                    x = Conv(x, weights(rng, int(rng.integers(1, 7)), n, k, k), pads=(k // 2,) * 4)
                case 3:
                    x = Conv(x, weights(rng, n, 1, 3, 3), weights(rng, n), pads=(1, 0, 1, 2), group=n)
                case 4:
                    x = Relu(x)
                case 5:
                    x = rng.choice([Sigmoid, HardSwish, Gelu])(x)  # type: ignore[arg-type]
                case 6:
                    x = Add(x, Sub(x, Sigmoid(Conv(x, weights(rng, n, n, 1, 1)))))
                case 7:
                    x = Mul(x, Sigmoid(x))
                case 8:
                    x = MaxPool(x, (2, 2)) if rng.random() < 0.5 else AveragePool(x, (2, 2), pads=(1, 0, 0, 1))
                case _:
                    x = Concat((x, Conv(x, weights(rng, 2, n, 1, 1))), 1)
        flat = ReduceMean(x, axes(2, 3), False)
        return Gemm(flat, weights(rng, 3, int(x.type.dims[1])), weights(rng, 3), transB=True)  # type: ignore[call-overload]

    return graph_of(build, c, h, w), (c, h, w)
