"""The smallest arena, by integer programming: for graphs of some dozens of buffers, or as good as time allows.

Where every block lies is an integer, and two blocks that meet have one more, 0 or 1, which says which of them lies
below. That is the usual model of offline dynamic storage allocation (Sekiyama et al., "Profile-guided memory
optimization for deep neural networks", 2018), with a third way for blocks that grow over each other. HiGHS solves it.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from lissom.backends.c.memory.plan import Block, Grows, Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_PAIRS = 20_000
"""Blocks that meet, beyond which nothing is tried."""


def plan_exactly(blocks: Sequence[Block], given: Plan, alignment: int, grows: Grows, seconds: float) -> Plan:
    """A plan of the least size, or the best found in so many seconds, all offsets being multiples of the alignment:
    never worse than ``given``, a plan of the same blocks."""
    pairs = [(i, j) for i, j in combinations(range(len(blocks)), 2) if blocks[i].meets(blocks[j])]
    if given.size <= given.lower_bound or len(pairs) > MOST_PAIRS:
        return given
    offsets = _solve(blocks, pairs, given.size, alignment, grows, seconds)
    if offsets is None or not all(_keeps(blocks, offsets, i, j, grows) for i, j in pairs):
        return given
    size = max(offset + block.size for offset, block in zip(offsets, blocks, strict=True))
    return Plan(tuple(offsets), size, given.lower_bound) if size < given.size else given


def _solve(
    blocks: Sequence[Block], pairs: list[tuple[int, int]], most: int, alignment: int, grows: Grows, seconds: float
) -> list[int] | None:
    """Offsets, in an arena of at most ``most`` bytes; None where none were found. In units of the alignment."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    n, room = len(blocks), most // alignment
    whole, size = n + len(pairs), n + len(pairs) + 1  # the size of the arena is the last variable
    rows: list[dict[int, float]] = []
    least: list[float] = []
    for k, (i, j) in enumerate(pairs):
        below, gap = n + k, room + 1 + max(_units(blocks[i], alignment), _units(blocks[j], alignment))
        # below = 1: i ends where j begins, or before; 0: the other way round. What grows may begin inside.
        for a, b, sign in ((i, j, 1), (j, i, -1)):
            distance = (
                -((blocks[b].size - blocks[a].size) // alignment) if (b, a) in grows else _units(blocks[a], alignment)
            )
            rows.append({b: 1, a: -1, below: -sign * gap})
            least.append(distance - (gap if sign > 0 else 0))
    for i, block in enumerate(blocks):
        rows.append({whole: 1, i: -1})
        least.append(block.size / alignment)
    entries = [(r, column, value) for r, row in enumerate(rows) for column, value in row.items()]
    at, columns, values = zip(*entries, strict=True)
    matrix = csr_array((values, (at, columns)), shape=(len(rows), size))
    upper = np.r_[np.full(n, room), np.ones(len(pairs)), most / alignment]
    goal = np.zeros(size)
    goal[whole] = 1
    found = milp(
        goal,
        constraints=LinearConstraint(matrix, np.array(least), np.inf),
        integrality=np.r_[np.ones(whole), 0],
        bounds=Bounds(np.zeros(size), upper),
        options={"time_limit": seconds},
    )
    return None if found.x is None else [round(x) * alignment for x in found.x[:n]]


def _units(block: Block, alignment: int) -> int:
    return -(-block.size // alignment)


def _keeps(blocks: Sequence[Block], offsets: Sequence[int], i: int, j: int, grows: Grows) -> bool:
    """Whether two blocks that meet are apart, or grow over each other as they may."""
    ends = [offsets[k] + blocks[k].size for k in (i, j)]
    apart = ends[0] <= offsets[j] or ends[1] <= offsets[i]
    return apart or ((i, j) in grows and ends[0] >= ends[1]) or ((j, i) in grows and ends[1] >= ends[0])
