"""Random small graphs of everything that moves channels: masked, then run == removed, then run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.add import Add
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.gather import Gather
from lissom.ir.ops.global_average_pool import GlobalAveragePool
from lissom.ir.ops.group_normalization import GroupNormalization
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.reshape import Reshape
from lissom.ir.ops.slice import Slice
from lissom.ir.ops.softmax import Softmax
from lissom.ir.ops.split import Split
from lissom.ir.ops.transpose import Transpose
from lissom.ir.types import tensor
from lissom.ir.values import Const, Value
from lissom.ir.verify import verify
from lissom.passes.compare import relative_error
from lissom.passes.prune.mask import mask_units
from lissom.passes.prune.select import clusters, removed
from lissom.passes.prune.shrink import shrink_graph
from lissom.passes.prune.solve import solve

SIZE = 3


def ints(*numbers: int) -> Const:
    return Const(np.array(numbers, np.int64))


class Maker:
    """Values of shape (2, C, 3, 3), and steps that make new ones out of those there are."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.graph = Graph("random")
        self.known: list[Value] = [self.graph.input("x", tensor("float32", 2, 3, SIZE, SIZE))]
        self.known = [self.conv_of(self.known[0], 12, 1), self.conv_of(self.known[0], 8, 1)]

    def pick(self) -> Value:
        return self.known[self.draw(st.integers(0, len(self.known) - 1))]

    def weight(self, *shape: int) -> Const:
        return Const((self.rng.uniform(0.2, 1, shape) * self.rng.choice([-1, 1], shape)).astype(np.float32))

    def conv_of(self, x: Value, out: int, group: int) -> Value:
        w = self.weight(out, channels(x) // group, 1, 1)
        b = self.weight(out) if self.draw(st.booleans()) else None
        return self.graph.append(
            Conv(x, Const(w.data.astype(np.float32)), b and Const(b.data.astype(np.float32)), group=group)
        )

    def conv(self) -> Value:
        return self.conv_of(self.pick(), self.draw(st.sampled_from([4, 6, 8, 12])), 1)

    def grouped(self) -> Value:
        x = self.pick()
        group = self.draw(st.sampled_from([g for g in (2, 3, 4) if channels(x) % g == 0] or [1]))
        return self.conv_of(x, group * self.draw(st.integers(2, 3)), group)

    def depthwise(self) -> Value:
        x = self.pick()
        return self.conv_of(x, channels(x) * self.draw(st.integers(1, 2)), channels(x))

    def add(self) -> Value:
        x = self.pick()
        same = [v for v in self.known if channels(v) == channels(x)]
        kind = self.draw(st.sampled_from([Add, Mul]))
        return self.graph.append(kind(x, same[self.draw(st.integers(0, len(same) - 1))]))

    def concat(self) -> Value:
        return self.graph.append(Concat(tuple(self.pick() for _ in range(self.draw(st.integers(2, 3)))), 1))

    def split(self) -> Value:
        x = self.pick()
        first = self.draw(st.integers(1, channels(x) - 1))
        parts = self.graph.append(Split(x, ints(first, channels(x) - first), axis=1)).results
        return parts[self.draw(st.integers(0, 1))]

    def slice(self) -> Value:
        x = self.pick()
        start, step = self.draw(st.integers(0, channels(x) // 2)), self.draw(st.integers(1, 2))
        return self.graph.append(Slice(x, ints(start), ints(channels(x)), ints(1), ints(step)))

    def gather(self) -> Value:
        x = self.pick()
        index = self.draw(st.lists(st.integers(0, channels(x) - 1), min_size=2, max_size=8))
        return self.graph.append(Gather(x, ints(*index), axis=1))

    def shuffle(self) -> Value:
        x = self.pick()
        c = channels(x)
        g = self.draw(st.sampled_from([g for g in (2, 3, 4) if c % g == 0] or [1]))
        y = Transpose(Reshape(x, ints(0, g, c // g, SIZE, SIZE)), perm=(0, 2, 1, 3, 4))
        return self.graph.append(Reshape(y, ints(2, c, SIZE, SIZE)))

    def scaled(self) -> Value:
        x = self.pick()
        gate = Softmax(GlobalAveragePool(x), axis=1) if self.draw(st.booleans()) else GlobalAveragePool(x)
        return self.graph.append(Mul(x, gate))

    def normed(self) -> Value:
        x = self.pick()
        c = channels(x)
        s, b, m = (self.weight(c) for _ in range(3))
        if self.draw(st.booleans()):
            return self.graph.append(BatchNormalization(x, s, b, m, Const(np.abs(s.data) + 0.5)))
        groups = self.draw(st.sampled_from([g for g in (1, 2, 3, 4) if c % g == 0]))
        return self.graph.append(GroupNormalization(x, s, b, groups))

    def relu(self) -> Value:
        return self.graph.append(Relu(self.pick()))


STEPS: list[Callable[[Maker], Value]] = [
    *(Maker.conv, Maker.grouped, Maker.depthwise, Maker.add, Maker.concat, Maker.split, Maker.slice),
    *(Maker.gather, Maker.shuffle, Maker.scaled, Maker.normed, Maker.relu),
]


def channels(v: Value) -> int:
    c = v.type.dims[1]
    assert isinstance(c, int)
    return c


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    maker = Maker(draw)
    for _ in range(draw(st.integers(2, 9))):
        made = draw(st.sampled_from(STEPS))(maker)
        if 1 < channels(made) <= 48:
            maker.known.append(made)
    unread = [v for v in maker.known if not v.users]
    maker.graph.set_outputs([(f"y{i}", maker.conv_of(v, 2, 1)) for i, v in enumerate(unread)])
    maker.graph.prune()
    return maker.graph


@pytest.mark.xfail(reason="rare graphs that shuffle channels: masked and removed still differ", strict=False)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(graphs(), st.booleans(), st.sampled_from([0.3, 0.5, 0.75]), st.integers(0, 99))
def test_masked_equals_removed(graph: Graph, heads: bool, ratio: float, seed: int) -> None:
    verify(graph)
    note(str(graph))
    solution = solve(graph, heads=heads)
    scores = np.random.default_rng(seed).random(solution.count)
    ladders = [c.ladder(scores) for c in clusters(solution)]
    mask_units(graph, solution, removed(solution, ladders, [ladder.lowest(ratio) for ladder in ladders]))
    small = shrink_graph(graph, heads=heads)
    verify(small)
    x = np.random.default_rng(seed).standard_normal((2, 3, SIZE, SIZE)).astype(np.float32)
    for a, b in zip(evaluate(graph, x), evaluate(small, x), strict=True):
        assert relative_error(a, b) <= 2e-5
