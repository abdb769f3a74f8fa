"""Layouts move atoms as arrays move elements: every operation against numpy on the positions themselves."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.ir.channels.atoms import Channels, Factor, Layout, Unaligned, refine, single

SIZES = st.sampled_from([1, 2, 3, 4, 6, 12])
Ints = npt.NDArray[np.int64]


def elements(layout: Layout) -> list[Ints]:
    """For each array of atoms that the layout's elements come from, the atom of every element."""
    flat = [f for axis in layout.axes for f in axis]
    sizes = [int(str(f.size)) for f in flat]
    found = []
    for c in layout.channels:
        where = [np.arange(n).reshape([-1 if i == k else 1 for i in range(len(sizes))]) for k, n in enumerate(sizes)]
        at = [where[next(k for k, f in enumerate(flat) if f.channels is c and f.dim == d)] for d in range(c.atoms.ndim)]
        atoms = np.broadcast_to(c.atoms[tuple(at)], sizes)
        found.append(atoms.reshape([int(str(layout.size(i))) for i in range(layout.rank)]))
    return found


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """Axes of atoms of their own, fixed axes, and axes split and merged again at random."""
    axes, count = [], 0
    for n in draw(st.lists(SIZES, min_size=1, max_size=3)):
        axes.append(single(np.arange(count, count + n)) if draw(st.booleans()) else (Factor(n),))
        count += n
    layout = Layout(tuple(axes))
    for _ in range(draw(st.integers(0, 2))):
        shape = draw(st.permutations(factors(prod(int(str(d)) for d in layout.shape), draw)))
        try:
            layout = layout.reshape(tuple(shape))
        except Unaligned:
            continue
        layout = layout.permute(draw(st.permutations(range(layout.rank))))
    return layout


def factors(n: int, draw: st.DrawFn) -> list[int]:
    found = []
    while n > 1:
        d = draw(st.sampled_from([d for d in range(2, n + 1) if n % d == 0]))
        found.append(d)
        n //= d
    return found or [1]


def same(got: Layout, wanted: list[Ints]) -> None:
    mine = elements(got)
    held = [w for w in wanted if w.size]
    assert sorted(a.tobytes() for a in mine) == sorted(np.ascontiguousarray(w).tobytes() for w in held)


@settings(max_examples=150, deadline=None)
@given(layouts(), st.data())
def test_reshape(layout: Layout, data: st.DataObject) -> None:
    total = prod(int(str(d)) for d in layout.shape)
    shape = tuple(data.draw(st.permutations(factors(total, data.draw))))
    before = [a for a in elements(layout) if np.unique(a).size > 1]
    try:
        after = layout.reshape(shape)
    except Unaligned:
        return
    assert after.shape == shape
    same(Layout(after.axes), [a.reshape(shape) for a in before])


@settings(max_examples=100, deadline=None)
@given(layouts(), st.data())
def test_permute(layout: Layout, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(layout.rank)))
    same(layout.permute(order), [a.transpose(order) for a in elements(layout)])


@settings(max_examples=150, deadline=None)
@given(layouts(), st.data())
def test_merged_keeps_elements_and_leaves_one_factor(layout: Layout, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, layout.rank - 1))
    try:
        one = layout.merged(axis)
    except Unaligned:
        return
    assert len(one.axes[axis]) == 1
    same(one, [a for a in elements(layout) if np.unique(a).size > 1])


@settings(max_examples=150, deadline=None)
@given(layouts(), st.data())
def test_take(layout: Layout, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, layout.rank - 1))
    size = int(str(layout.size(axis)))
    index = np.array(data.draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=6)), np.int64)
    try:
        taken = layout.take(axis, index)
    except Unaligned:
        return
    same(taken, [np.take(a, index, axis) for a in elements(layout) if np.unique(a).size > 1])


@settings(max_examples=100, deadline=None)
@given(st.permutations([2, 3, 4]), st.permutations([2, 3, 4]))
def test_refine_gives_equal_factors_or_one(a: list[int], b: list[int]) -> None:
    def of(sizes: list[int]) -> Layout:
        return Layout((single(np.arange(24)),)).reshape(tuple(sizes)).reshape((24,))

    left, right = refine([of(a), of(b)], [0, 0])
    assert [f.size for f in left.axes[0]] == [f.size for f in right.axes[0]]
    same(left, [np.arange(24)])
    same(right, [np.arange(24)])


def test_independent_atoms_in_one_axis_do_not_merge() -> None:
    layout = Layout((single(np.arange(3)), single(np.arange(3, 5)))).reshape((6,))
    with pytest.raises(Unaligned):
        layout.merged(0)


def test_positions_of_joint_atoms_know_where_they_come_from() -> None:
    whole = Channels(np.arange(6))
    layout = Layout(((Factor(6, whole),),)).reshape((2, 3))
    (joint,) = layout.channels
    assert joint.source is not None
    assert joint.source[0] is whole
    assert [list(d) for d in joint.source[1]] == [[0], [0]]
