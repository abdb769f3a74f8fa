"""The memory plan: nothing that is alive at once overlaps, and the arena stays near the live-set bound."""

from __future__ import annotations

from itertools import combinations, pairwise, permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.backends.c.builder import Chooser
from lissom.backends.c.emit import plan_program
from lissom.backends.c.memory.exact import plan_exactly
from lissom.backends.c.memory.plan import Block, Plan, lower_bound, plan
from lissom.ir.graph import Graph
from lissom.ir.ops.qlinear_conv import QLinearConv
from lissom.ir.samples import literal
from lissom.ir.types import DType, tensor
from lissom.ir.values import Const, Value
from lissom.kernels.table import Room, Thrifty, choose

BLOCKS = st.lists(
    st.tuples(st.integers(0, 60) | st.integers(0, 5000), st.integers(0, 40), st.integers(0, 12)).map(
        lambda t: Block(t[0], t[1], t[1] + t[2])
    ),
    max_size=40,
)


@given(BLOCKS, st.sampled_from([1, 4, 16, 64]))
def test_blocks_alive_at_once_do_not_overlap(blocks: list[Block], alignment: int) -> None:
    found = plan(blocks, alignment, attempts=2)
    placed = list(zip(found.offsets, blocks, strict=True))
    for (a, x), (b, y) in combinations(placed, 2):
        assert not x.meets(y) or a + x.size <= b or b + y.size <= a
    assert all(o + b.size <= found.size for o, b in placed)
    assert all(o % alignment == 0 or o // alignment == (o + b.size - 1) // alignment for o, b in placed)
    assert found.size >= found.lower_bound


@given(BLOCKS)
def test_lower_bound_is_the_fullest_step(blocks: list[Block]) -> None:
    steps = range(60)
    assert lower_bound(blocks) == max(sum(b.size for b in blocks if b.first <= s <= b.last) for s in steps)


def test_chain_needs_no_more_than_its_largest_pair() -> None:
    sizes = [64 * k for k in (3, 9, 2, 7, 7, 1, 30, 4)]
    found = plan([Block(s, i, i + 1) for i, s in enumerate(sizes)])
    assert found.size == found.lower_bound == max(a + b for a, b in pairwise(sizes))


@given(st.lists(st.integers(1, 5000), min_size=2, max_size=12), st.sampled_from([1, 16, 64]))
def test_what_grows_over_its_operand_ends_no_later(sizes: list[int], alignment: int) -> None:
    blocks = [Block(s, i, i + 1) for i, s in enumerate(sizes)]
    grows = {(i, i + 1) for i in range(len(sizes) - 1) if sizes[i] < sizes[i + 1]}
    found = plan(blocks, alignment, grows=grows)
    for i, j in pairwise(range(len(sizes))):
        a, b = found.offsets[i], found.offsets[j]
        apart = a + sizes[i] <= b or b + sizes[j] <= a
        assert apart or ((i, j) in grows and a + sizes[i] >= b + sizes[j])
    assert found.size >= found.lower_bound


def test_a_chain_that_grows_needs_no_more_than_its_end() -> None:
    found = plan([Block(64 * (i + 1), i, i + 1) for i in range(9)], grows={(i, i + 1) for i in range(8)})
    assert found.size == found.lower_bound == 64 * 9


FEW = st.lists(st.tuples(st.integers(1, 900), st.integers(0, 5), st.integers(0, 2)), min_size=2, max_size=5)


@settings(max_examples=15, deadline=None)
@given(FEW, st.sampled_from([1, 64]))
def test_exact_plan_is_the_smallest(drawn: list[tuple[int, int, int]], alignment: int) -> None:
    """Some order of placement, each block as low as it can be, gives the least arena: so all orders are tried."""
    blocks = [Block(size, first, first + more) for size, first, more in drawn]
    worst = tuple(np.cumsum([0, *(-(-b.size // alignment) * alignment for b in blocks)])[:-1].tolist())
    given_plan = Plan(worst, worst[-1] + blocks[-1].size, lower_bound(blocks))
    found = plan_exactly(blocks, given_plan, alignment, (), seconds=20)
    placed = list(zip(found.offsets, blocks, strict=True))
    for (a, x), (b, y) in combinations(placed, 2):
        assert not x.meets(y) or a + x.size <= b or b + y.size <= a
    assert found.size == min(lowest(blocks, order, alignment) for order in permutations(range(len(blocks))))


def lowest(blocks: list[Block], order: tuple[int, ...], alignment: int) -> int:
    """The arena when each block in turn is put as low as those before it leave room above them."""
    offsets: dict[int, int] = {}
    for i in order:
        met = [offsets[j] + blocks[j].size for j in offsets if blocks[i].meets(blocks[j])]
        offsets[i] = -(-max(met, default=0) // alignment) * alignment
    return max(offsets[i] + blocks[i].size for i in order)


def test_exact_plan_of_blocks_that_grow() -> None:
    """x dies as y is made, which may lie over it; z lives through both."""
    blocks = [Block(100, 0, 1), Block(150, 1, 2), Block(70, 0, 2)]
    for grows, size in (((), 320), ({(0, 1)}, 220)):
        given_plan = Plan((0, 100, 250), 320, 0)
        assert plan_exactly(blocks, given_plan, 10, grows, seconds=20).size == size


def test_plan_is_the_same_every_time() -> None:
    blocks = [Block(100 + 37 * i % 900, i, i + i % 5) for i in range(60)]
    assert plan(blocks) == plan(blocks)


def test_scratch_memory_that_makes_the_arena_larger_is_a_cost() -> None:
    """A 3x3 convolution of few pixels: Winograd's transforms want several times the memory of its images."""
    rng = np.random.default_rng(0)
    graph = Graph("small")
    one, zero = literal("scale", 0.05, DType.float32), literal("zero", 100, DType.uint8)
    scales, w_zero = Const(np.full(64, 0.01, np.float32), "scales"), literal("w_zero", 0, DType.int8)
    x: Value = graph.input("x", tensor("uint8", 1, 64, 16, 16))
    for i in range(3):
        w = Const(rng.integers(-9, 9, (64, 64, 3, 3)).astype(np.int8), f"w{i}")
        x = QLinearConv(x, one, zero, w, scales, w_zero, one, zero, pads=(1, 1, 1, 1))
    graph.set_outputs({"y": x})

    def arena(chooser: Chooser) -> int:
        return plan_program(graph, "x86-64-v3", chooser=chooser)[2].arena_bytes

    greedy = arena(lambda task, params, target: choose(task, params, target))
    assert arena(choose) < greedy
    assert arena(Thrifty()) < greedy / 3


def test_a_layer_takes_scratch_memory_that_is_there_anyway() -> None:
    room = Room(free=1000, whole=4000)
    assert room.factor(1000) == 1
    assert room.factor(5000) == 2**0.25
