"""Random small graphs of everything that moves channels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

from lissom.ir.dims import symbol
from lissom.ir.graph import Graph
from lissom.ir.ops.add import Add
from lissom.ir.ops.average_pool import AveragePool
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.cum_sum import CumSum
from lissom.ir.ops.depth_to_space import DepthToSpace
from lissom.ir.ops.div import Div
from lissom.ir.ops.einsum import Einsum
from lissom.ir.ops.flatten import Flatten
from lissom.ir.ops.gather import Gather
from lissom.ir.ops.global_average_pool import GlobalAveragePool
from lissom.ir.ops.group_normalization import GroupNormalization
from lissom.ir.ops.layer_normalization import LayerNormalization
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.max import Max
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.pad import Pad
from lissom.ir.ops.prelu import PRelu
from lissom.ir.ops.reduce_max import ReduceMax
from lissom.ir.ops.reduce_mean import ReduceMean
from lissom.ir.ops.reduce_sum import ReduceSum
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.reshape import Reshape
from lissom.ir.ops.slice import Slice
from lissom.ir.ops.softmax import Softmax
from lissom.ir.ops.space_to_depth import SpaceToDepth
from lissom.ir.ops.split import Split
from lissom.ir.ops.sqrt import Sqrt
from lissom.ir.ops.sub import Sub
from lissom.ir.ops.tile import Tile
from lissom.ir.ops.transpose import Transpose
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.types import tensor
from lissom.ir.values import Const, Value

SIZE = 4


def ints(*numbers: int) -> Const:
    return Const(np.array(numbers, np.int64))


class Maker:
    """Values of shape (N, C, 4, 4), and steps that make new ones out of those there are."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.graph = Graph("random")
        batch = draw(st.sampled_from([2, symbol("N")]))
        self.known: list[Value] = [self.graph.input("x", tensor("float32", batch, 3, SIZE, SIZE))]
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
        other = same[self.draw(st.integers(0, len(same) - 1))]
        kind = self.draw(st.sampled_from([Add, Mul, Sub, None]))
        return self.graph.append(kind(x, other) if kind else Max((x, other)))

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

    def reverse(self) -> Value:
        return self.graph.append(Slice(self.pick(), ints(-1), ints(-100), ints(1), ints(-1)))

    def gather(self) -> Value:
        x = self.pick()
        index = self.draw(st.lists(st.integers(0, channels(x) - 1), min_size=2, max_size=8))
        return self.graph.append(Gather(x, ints(*index), axis=1))

    def shuffle(self) -> Value:
        x = self.pick()
        return self.graph.append(shuffled(x, self.parts(x)))

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

    def parts(self, x: Value) -> int:
        return self.draw(st.sampled_from([g for g in (2, 3, 4) if channels(x) % g == 0] or [1]))

    def swapped_parts(self) -> Value:
        x = self.pick()
        n = self.parts(x)
        parts = self.graph.append(Split(x, axis=1, num_outputs=n)).results
        return self.graph.append(Concat(tuple(self.draw(st.permutations(parts))), 1))

    def over_parts(self) -> Value:
        """A sum or maximum over parts, or over what is in them."""
        x = self.pick()
        n = self.parts(x)
        y = Reshape(x, ints(0, n, channels(x) // n, SIZE, SIZE))
        kind = self.draw(st.sampled_from([ReduceMean, ReduceMax, ReduceSum]))
        return self.graph.append(kind(y, ints(self.draw(st.integers(1, 2))), keepdims=False))

    def part(self) -> Value:
        x = self.pick()
        n = self.parts(x)
        y = Reshape(x, ints(0, n, channels(x) // n, SIZE, SIZE))
        axis = self.draw(st.integers(1, 2))
        size = (n, channels(x) // n)[axis - 1]
        if self.draw(st.booleans()):
            return self.graph.append(Gather(y, Const(np.array(self.draw(st.integers(0, size - 1)))), axis))
        picks = self.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=4))
        return self.graph.append(Reshape(Gather(y, ints(*picks), axis), ints(0, -1, SIZE, SIZE)))

    def padded(self) -> Value:
        x = self.pick()
        before, behind = self.draw(st.integers(0, 2)), self.draw(st.integers(0, 3))
        return self.graph.append(Pad(x, ints(0, before, 0, 0, 0, behind, 0, 0)))

    def reduced(self) -> Value:
        x = self.pick()
        kind = self.draw(st.sampled_from([ReduceMean, ReduceMax, ReduceSum]))
        return self.graph.append(Mul(x, kind(x, ints(1))))

    def layer_norm(self) -> Value:
        x = self.pick()
        if self.draw(st.booleans()):
            y = LayerNormalization(Transpose(x, perm=(0, 2, 3, 1)), self.weight(channels(x)), self.weight(channels(x)))
            return self.graph.append(Transpose(y, perm=(0, 3, 1, 2)))
        centred = Sub(x, ReduceMean(x, ints(1)))
        spread = Sqrt(Add(ReduceMean(Mul(centred, centred), ints(1)), Const(np.array(1e-3, np.float32))))
        return self.graph.append(Mul(Div(centred, spread), self.weight(channels(x), 1, 1)))

    def channels_last(self) -> Value:
        x = self.pick()
        y = MatMul(Transpose(x, perm=(0, 2, 3, 1)), self.weight(channels(x), out := self.draw(st.integers(4, 9))))
        return self.graph.append(Transpose(Add(y, self.weight(out)), perm=(0, 3, 1, 2)))

    def einsum(self) -> Value:
        x = self.pick()
        n = self.parts(x)
        if self.draw(st.booleans()):
            return self.graph.append(Einsum((x, self.weight(6, channels(x))), "bchw,oc->bohw"))
        y = Reshape(x, ints(0, n, channels(x) // n, SIZE, SIZE))
        y = Einsum((y, self.weight(n, channels(x) // n, 3)), "bgchw,gco->bgohw")
        return self.graph.append(Reshape(y, ints(0, 3 * n, SIZE, SIZE)))

    def per_channel(self) -> Value:
        x = self.pick()
        if self.draw(st.booleans()):
            return self.graph.append(PRelu(x, self.weight(channels(x), 1, 1)))
        return self.graph.append(Add(x, self.weight(1, channels(x), SIZE, SIZE)))

    def attention(self) -> Value:
        """Softmax(q k) v over pixels, or over the channels of a head."""
        x = self.pick()
        n = self.parts(x)
        width = channels(x) // n
        if self.draw(st.booleans()):
            qkv = self.conv_of(x, 3 * channels(x), 1)
            q, k, v = self.graph.append(Split(qkv, axis=1, num_outputs=3)).results
        else:
            q, k, v = (self.conv_of(x, channels(x), 1) for _ in range(3))
        q, k, v = (Reshape(t, ints(0, n, width, SIZE * SIZE)) for t in (q, k, v))
        if self.draw(st.booleans()):
            p: Value = Softmax(MatMul(Transpose(q, perm=(0, 1, 3, 2)), k), axis=-1)
            y = MatMul(v, Transpose(p, perm=(0, 1, 3, 2)))
        else:
            y = MatMul(Softmax(MatMul(q, Transpose(k, perm=(0, 1, 3, 2))), axis=-1), v)
        return self.graph.append(Reshape(y, ints(0, n * width, SIZE, SIZE)))

    def selected(self) -> Value:
        """Branches weighted by a softmax over them, as selective kernels do."""
        x, y = (self.conv_of(self.pick(), 6, 1) for _ in range(2))
        both = Concat((Unsqueeze(x, ints(1)), Unsqueeze(y, ints(1))), 1)
        gate = self.conv_of(self.graph.append(GlobalAveragePool(Add(x, y))), 12, 1)
        gate = Softmax(Reshape(gate, ints(0, 2, 6, 1, 1)), axis=1)
        return self.graph.append(ReduceSum(Mul(both, gate), ints(1), keepdims=False))

    def there_and_back(self) -> Value:
        """Channels into pixels and back, in one order or two."""
        x = self.pick()
        if channels(x) % 4:
            x = self.conv_of(x, 8, 1)
        modes = st.sampled_from(["DCR", "CRD"])
        y = Relu(DepthToSpace(x, 2, self.draw(modes)))
        if self.draw(st.booleans()):
            return self.graph.append(AveragePool(y, kernel_shape=(2, 2), strides=(2, 2)))
        return self.graph.append(SpaceToDepth(y, 2, self.draw(modes)))

    def transposed(self) -> Value:
        x = self.pick()
        group = self.draw(st.sampled_from([1, self.parts(x), channels(x)]))
        each = self.draw(st.integers(1, 3))
        w = self.weight(channels(x), each + (group == 1), 1, 1)
        b = self.weight(group * w.data.shape[1]) if self.draw(st.booleans()) else None
        return self.graph.append(ConvTranspose(x, w, b, group=group))

    def flattened(self) -> Value:
        x = self.pick()
        pixels = SIZE * SIZE
        y = MatMul(Flatten(x), self.weight(channels(x) * pixels, 3 * pixels))
        return self.graph.append(Reshape(y, ints(0, 3, SIZE, SIZE)))

    def rolled(self) -> Value:
        x = self.pick()
        n = self.draw(st.integers(1, channels(x) - 1))
        parts = Slice(x, ints(n), ints(channels(x)), ints(1)), Slice(x, ints(0), ints(n), ints(1))
        return self.graph.append(Concat(parts, 1))

    def tiled(self) -> Value:
        return self.graph.append(Tile(self.pick(), ints(1, 2, 1, 1)))

    def cumulated(self) -> Value:
        return self.graph.append(CumSum(self.pick(), Const(np.array(1))))


STEPS: list[Callable[[Maker], Value]] = [
    *(Maker.conv, Maker.grouped, Maker.depthwise, Maker.add, Maker.concat, Maker.split, Maker.slice),
    *(Maker.gather, Maker.shuffle, Maker.scaled, Maker.normed, Maker.relu, Maker.reverse, Maker.swapped_parts),
    *(Maker.over_parts, Maker.part, Maker.padded, Maker.reduced, Maker.layer_norm, Maker.channels_last, Maker.einsum),
    *(Maker.per_channel, Maker.attention, Maker.selected, Maker.there_and_back, Maker.transposed, Maker.flattened),
    *(Maker.rolled, Maker.tiled, Maker.cumulated),
]


def shuffled(x: Value, groups: int) -> Value:
    """The channels of ``x`` as a channel shuffle leaves them."""
    c = channels(x)
    y = Transpose(Reshape(x, ints(0, groups, c // groups, SIZE, SIZE)), perm=(0, 2, 1, 3, 4))
    return Reshape(y, ints(0, c, SIZE, SIZE))


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
