"""The memory plan: where in the arena each buffer lies.

This is offline dynamic storage allocation, which is NP-hard; greedy placement in a good order comes within a few
percent of the live-set bound on networks (Pisarchyk & Lee, "Efficient Memory Management for Deep Neural Net
Inference", 2020).
Several orders are tried and the smallest arena wins.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """Memory that is needed from step ``first`` to step ``last``, both included."""

    size: int
    first: int
    last: int

    def meets(self, other: Block) -> bool:
        """Whether both are needed at some step."""
        return self.first <= other.last and other.first <= self.last

    def aligned(self, end: int, alignment: int) -> int:
        """Where it may begin from ``end`` on: at a multiple of the alignment, or, where it is smaller than that, of the
        least power of two that holds it, which lets no small block lie across a line of a cache."""
        step = min(alignment, 1 << max(0, self.size - 1).bit_length())
        return -(-end // step) * step


@dataclass(frozen=True)
class Plan:
    """An offset for each block, the arena's size, and the size that no plan can go below."""

    offsets: tuple[int, ...]
    size: int
    lower_bound: int


Grows = Collection[tuple[int, int]]
"""Pairs of blocks (x, y) that meet at the step where x is needed last and y first, y being written from its beginning
on as x is read. They may overlap there if x ends no sooner than y."""


def plan(blocks: Sequence[Block], alignment: int = 64, attempts: int = 64, grows: Grows = ()) -> Plan:
    """Place ``blocks`` so that no two that meet overlap but those that grow, each :meth:`Block.aligned`."""
    bound = lower_bound(blocks, grows)
    best: tuple[int, list[int]] | None = None
    for order in _orders(blocks, attempts):
        offsets = _place(blocks, order, alignment, grows)
        size = max((o + b.size for o, b in zip(offsets, blocks, strict=True)), default=0)
        if best is None or size < best[0]:
            best = size, offsets
        if best[0] <= bound:
            break
    assert best is not None
    return Plan(tuple(best[1]), best[0], bound)


def lower_bound(blocks: Sequence[Block], grows: Grows = ()) -> int:
    """The most bytes that are needed at one step."""
    changes: dict[int, int] = {}
    shared = {x for x, _ in grows}
    for i, b in enumerate(blocks):
        changes[b.first] = changes.get(b.first, 0) + b.size
        end = b.last if i in shared else b.last + 1
        changes[end] = changes.get(end, 0) - b.size
    needed = peak = 0
    for step in sorted(changes):
        needed += changes[step]
        peak = max(peak, needed)
    return peak


_KEYS: tuple[Callable[[Block], tuple[int, ...]], ...] = (
    lambda b: (-b.size, b.first),
    lambda b: (-b.size * (b.last - b.first + 1), b.first),
    lambda b: (b.first - b.last, -b.size),
    lambda b: (b.first, -b.size),
    lambda b: (-b.last, -b.size),
)
"""Orders of placement: by size, by area, by lifetime, by birth, by death (from the end)."""


def _orders(blocks: Sequence[Block], attempts: int) -> Iterator[list[int]]:
    """The fixed orders, one by how crowded a block's steps are, then seeded variations of it."""
    everything = range(len(blocks))
    for key in _KEYS:
        yield sorted(everything, key=lambda i, key=key: key(blocks[i]))  # type: ignore[misc]
    crowd = [sum(b.size for b in blocks if b.meets(a)) for a in blocks]
    yield sorted(everything, key=lambda i: (-crowd[i], -blocks[i].size))
    rng = random.Random(0)
    for _ in range(attempts):
        weight = [crowd[i] * b.size * rng.uniform(0.5, 2.0) for i, b in enumerate(blocks)]
        yield sorted(everything, key=lambda i, weight=weight: -weight[i])  # type: ignore[misc]


def _place(blocks: Sequence[Block], order: Sequence[int], alignment: int, grows: Grows = ()) -> list[int]:
    """Each block in turn goes into the tightest gap between the placed blocks it meets, else on top of them."""
    offsets = [0] * len(blocks)
    placed: list[int] = []
    for i in order:
        block = blocks[i]
        taken = sorted(_taken(blocks, offsets[j], i, j, grows) for j in placed if block.meets(blocks[j]))
        best, tightest, end = -1, 0, 0
        for begin, stop in taken:
            gap = begin - end
            if gap >= block.size and (best < 0 or gap < tightest):
                best, tightest = end, gap
            end = max(end, block.aligned(stop, alignment))
        offsets[i] = end if best < 0 else best
        placed.append(i)
    return offsets


def _taken(blocks: Sequence[Block], offset: int, i: int, j: int, grows: Grows) -> tuple[int, int]:
    """The bytes that block i has to be below or above because block j is at ``offset``."""
    end = offset + blocks[j].size
    if (j, i) in grows:
        return end, end
    return offset, end - blocks[i].size if (i, j) in grows else end
