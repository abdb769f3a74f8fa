"""Graphs that once went wrong, as small as they come: masked, then run == removed, then run, whatever goes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lissom.ir.graph import Graph
from lissom.ir.ops.add import Add
from lissom.ir.ops.average_pool import AveragePool
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.depth_to_space import DepthToSpace
from lissom.ir.ops.gather import Gather
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.pad import Pad
from lissom.ir.ops.reduce_max import ReduceMax
from lissom.ir.ops.reduce_mean import ReduceMean
from lissom.ir.ops.reshape import Reshape
from lissom.ir.ops.slice import Slice
from lissom.ir.ops.softmax import Softmax
from lissom.ir.ops.split import Split
from lissom.ir.ops.tile import Tile
from lissom.ir.ops.transpose import Transpose
from lissom.ir.types import tensor
from lissom.ir.values import Const, Value
from lissom.passes.prune.solve import solve
from tests.passes.prune.random_graphs import SIZE, ints, shuffled
from tests.passes.prune.test_solver_graphs import check_removal

Case = Callable[["Weights", Value], Value]
CASES: dict[str, Case] = {}


class Weights:
    """Constants at random."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def __call__(self, *shape: int) -> Const:
        return Const(self.rng.uniform(0.2, 1, shape).astype(np.float32) * self.rng.choice([-1, 1], shape))

    def conv(self, x: Value, out: int, group: int = 1) -> Conv:
        c = x.type.dims[1]
        assert isinstance(c, int)
        w = self(out, c // group, 1, 1)
        return Conv(x, Const(w.data.astype(np.float32)), group=group)


def case(make: Case) -> Case:
    CASES[make.__name__] = make
    return make


@case
def slice_of_shuffled(w: Weights, x: Value) -> Value:
    """What is left of the first positions may stand elsewhere."""
    y = shuffled(w.conv(x, 8), 2)
    return Slice(y, ints(0), ints(3), ints(1))


@case
def split_of_shuffled(w: Weights, x: Value) -> Value:
    a, b = Split(shuffled(w.conv(x, 12), 3), ints(5, 7), axis=1).results
    return Concat((b, w.conv(a, 4)), 1)


@case
def gather_of_shuffled(w: Weights, x: Value) -> Value:
    return Gather(shuffled(w.conv(x, 8), 2), ints(1, 2), axis=1)


@case
def pieces_of_parts(w: Weights, x: Value) -> Value:
    """Every second channel of every part."""
    y = Reshape(w.conv(x, 12), ints(0, 2, 6, SIZE, SIZE))
    return Reshape(Slice(y, ints(0), ints(6), ints(2), ints(2)), ints(0, 6, SIZE, SIZE))


@case
def behind_of_parts(w: Weights, x: Value) -> Value:
    """The last channels of every part: those before them must go in equal numbers."""
    y = Reshape(w.conv(x, 12), ints(0, 2, 6, SIZE, SIZE))
    return Reshape(Slice(y, ints(3), ints(6), ints(2)), ints(0, 6, SIZE, SIZE))


@case
def one_of_innermost_parts(w: Weights, x: Value) -> Value:
    return Gather(Reshape(w.conv(x, 12), ints(0, 4, 3, SIZE, SIZE)), Const(np.array(1)), axis=2)


@case
def pooled_space_of_channels(w: Weights, x: Value) -> Value:
    """The pool leaves one dimension of the array that channels and pixels share."""
    y = AveragePool(DepthToSpace(w.conv(x, 16), 2), kernel_shape=(2, 2), strides=(2, 2))
    return Tile(y, ints(1, 2, 1, 1))


@case
def space_of_channels_beside_others(w: Weights, x: Value) -> Value:
    """As U-Nets with pixel shuffle have it."""
    y = DepthToSpace(w.conv(x, 32), 2, "CRD")
    wide = DepthToSpace(w.conv(x, 24), 2)
    both = Concat((y, wide), 1)
    return AveragePool(w.conv(both, 8), kernel_shape=(2, 2), strides=(2, 2))


@case
def attention_over_channels(w: Weights, x: Value) -> Value:
    """Scores between the widths of one head: both sides of the product have channels."""
    q, k, v = (Reshape(w.conv(x, 8), ints(0, 2, 4, SIZE * SIZE)) for _ in range(3))
    p = Softmax(MatMul(q, Transpose(k, perm=(0, 1, 3, 2))), axis=-1)
    return Reshape(MatMul(p, v), ints(0, 8, SIZE, SIZE))


@case
def one_output_a_group(w: Weights, x: Value) -> Value:
    weight = Const(w(12, 1, 1, 1).data.astype(np.float32))
    return ConvTranspose(w.conv(x, 12), weight, group=3)


@case
def mean_of_parts(w: Weights, x: Value) -> Value:
    """Nothing but the mean reads the channels."""
    return ReduceMean(Reshape(w.conv(x, 8), ints(0, 2, 4, SIZE, SIZE)), ints(2), keepdims=False)


@case
def maximum_alone(w: Weights, x: Value) -> Value:
    return Add(w.conv(x, 4), ReduceMax(w.conv(x, 8), ints(1)))


@case
def padding_across_factors(w: Weights, x: Value) -> Value:
    a, b = w.conv(x, 6), Reshape(w.conv(x, 4), ints(0, 1, 4, SIZE, SIZE))
    outer = Reshape(Add(Reshape(a, ints(0, 6, 1, SIZE, SIZE)), b), ints(0, 24, SIZE, SIZE))
    return Pad(outer, ints(0, 1, 0, 0, 0, 2, 0, 0))


def built(name: str) -> Graph:
    w, graph = Weights(), Graph(name)
    x = graph.input("x", tensor("float32", 2, 3, SIZE, SIZE))
    y = graph.append(CASES[name](w, x))
    graph.set_outputs([("y", graph.append(w.conv(y, 2)))])
    graph.prune()
    return graph


@pytest.mark.parametrize("heads", [True, False])
@pytest.mark.parametrize("name", list(CASES))
def test_masked_equals_removed(name: str, heads: bool) -> None:
    for seed in range(8):
        for ratio in (0.3, 0.5, 0.75):
            check_removal(built(name), heads, ratio, seed)


@pytest.mark.parametrize("heads", [True, False])
def test_pixel_shuffle_beside_others_gives_up_channels(heads: bool) -> None:
    solution = solve(built("space_of_channels_beside_others"), heads=heads)
    widths = {g.units.size for g in solution.groups if solution.free[g.units].all()}
    assert {8, 6} <= widths  # 32 and 24 channels in blocks of four
