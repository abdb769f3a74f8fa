"""Values one after the other along an axis, and zeros around channels: how their atoms make one array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lissom.ir.channels.atoms import Atoms, Axis, Channels, Factor, Layout, Unaligned
from lissom.ir.channels.flow import Flow, Freeze, Sub, Term
from lissom.ir.op import Op
from lissom.ir.values import Value


def concat(flow: Flow, op: Op, values: Sequence[Value], axis: int) -> Layout | tuple[Layout, ...]:
    """The values one after the other along ``axis``; they share the channels of all other axes."""
    rank = values[0].type.rank
    axis %= rank
    if all(flow.of(v).is_fixed(axis) for v in values):
        sizes = [v.type.dims[axis] for v in values]
        terms: list[Term] = [(v, [i if i != axis else ("part", k) for i in range(rank)]) for k, v in enumerate(values)]
        layout = flow.einsum(op, terms, [i for i in range(rank) if i != axis], read=False)
        return layout.insert(axis, sum(sizes[1:], sizes[0]))
    try:
        layouts = [flow.of(v).merged(axis) for v in values]
    except Unaligned:
        return flow.opaque(op, "it cuts across the factors of its axis")
    terms = [(v, [i if i != axis else ("part", k) for i in range(rank)]) for k, v in enumerate(values)]
    layouts, parts = flow.align(op, terms, layouts)
    owners = [flow.owners(lay, labels) for lay, (_, labels) in zip(layouts, terms, strict=True)]
    fixed = [flow.fixed(lay, labels) for lay, (_, labels) in zip(layouts, terms, strict=True)]
    flow.meet_all(op, terms, owners, fixed)
    chosen = flow.choose(owners, parts)
    along: list[tuple[Atoms, list[Sub]]] = []
    outer: list[Sub] = []
    for k, layout in enumerate(layouts):
        (f,) = layout.axes[axis]
        if f.channels is None:
            if not isinstance(f.size, int):
                return flow.opaque(op, "a part of what it joins has a size that is no number")
            atoms = flow.fresh(f.size, op, k)
            flow.freezes.append(Freeze(atoms, op, f"{values[k].name or 'a part'!r} is fixed"))
            along.append((atoms, []))
            continue
        if f.channels.atoms.ndim == 1:
            flow.brought[op, k] = f.channels.atoms  # should one alone be left of it, it is a channel still
        places = owners[k][f.channels]
        subs = [places[d] for d in range(f.channels.atoms.ndim) if d != f.dim]
        along.append((np.moveaxis(f.channels.atoms, f.dim, -1), subs))
        outer += [s for s in subs if s not in outer]
    sizes_of = {s: int(str(parts[s[0]][s[1]])) for s in outer}
    pieces = []
    for atoms, subs in along:
        order = sorted(range(len(subs)), key=lambda i: outer.index(subs[i]))
        turned = atoms.transpose([*order, len(subs)])
        shape = [sizes_of[s] if s in subs else 1 for s in outer]
        pieces.append(np.broadcast_to(turned.reshape(*shape, -1), (*sizes_of.values(), atoms.shape[-1])))
    joined = Channels(np.concatenate(pieces, axis=-1))
    axes: list[Axis] = []
    for i in range(rank):
        if i == axis:
            axes.append((Factor(joined.atoms.shape[-1], joined, len(outer)),))
            continue
        factors = []
        for k, size in enumerate(parts[i]) if i in parts else ():
            channels, dim = (joined, outer.index((i, k))) if (i, k) in outer else chosen.get((i, k), (None, 0))
            factors.append(Factor(size, channels, dim))
        axes.append(tuple(factors) or (Factor(values[0].type.dims[i]),))
    return Layout(tuple(axes))


def surround(flow: Flow, op: Op, layout: Layout, axis: int, begin: int, end: int) -> Layout:
    """Zeros before and behind the channels of ``axis``: atoms that are free to go."""
    layout = layout.merged(axis)
    (f,) = layout.axes[axis]
    assert f.channels is not None
    atoms, same = f.channels.atoms, [[d] for d in range(f.channels.atoms.ndim)]
    outer = [n for d, n in enumerate(atoms.shape) if d != f.dim]
    ends = []
    for key, size in (("begin", begin), ("end", end)):
        fresh = flow.fresh(size * int(np.prod(outer)), op, (axis, key))
        ends.append(np.moveaxis(fresh.reshape(*outer, size), -1, f.dim))
    new = Channels(np.concatenate([ends[0], atoms, ends[1]], f.dim), (f.channels, same))
    layout = Layout(
        tuple(tuple(replace(g, channels=new) if g.channels is f.channels else g for g in a) for a in layout.axes)
    )
    return layout.with_axis(axis, (Factor(new.atoms.shape[f.dim], new, f.dim),))
