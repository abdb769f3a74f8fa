"""Channels of convolutions in groups, plain and transposed: what they ask of a flow, and their weights made anew.

With one input channel a group, a group goes with its channel. Otherwise all groups stay and lose equally many.
Which inputs a row of the weights reads differs from group to group, so that axis of the weights has no atoms.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from lissom.ir.channels.atoms import Axis, Channels, Factor, Layout, single
from lissom.ir.channels.flow import Flow, Read, Term
from lissom.ir.channels.kept import Kept
from lissom.ir.dims import divides
from lissom.ir.op import Op
from lissom.ir.types import Array
from lissom.ir.values import Const, Value

Positions: TypeAlias = npt.NDArray[np.int64]

INPUTS, OUTPUTS = "every group keeps equally many inputs", "every group keeps equally many outputs"


def grouped(flow: Flow, op: Op, x: Value, w: Value, b: Value | None, group: int) -> Axis:
    """x (N, C, *), w (O, C/group, *), b (O). Returns the factors of the output channels. Raises Unaligned."""
    if w.type.dims[1] == 1:
        each = divides(w.type.dims[0], group)
        assert each is not None
        kernel = w.type.dims[2:]
        split = flow.of(w).reshape((group, each, 1, *kernel))
        labels = [("w", i) for i in range(len(kernel))]
        terms: list[Term] = [(x, ["n", "g", *(("x", i) for i in range(len(kernel)))]), (w, ["g", "m", None, *labels])]
        layouts = [flow.of(x), split]
        if b is not None:
            terms.append((b, ["g", "m"]))
            layouts.append(flow.of(b).reshape((group, each)))
        return _flat(flow.einsum(op, terms, ["g", "m"], layouts, read=False))
    if not isinstance(w, Const):
        flow.opaque(op, "the weights of its groups are computed")
        return (Factor(w.type.dims[0]),)
    _read_inputs(flow, op, x, group)
    flow.balance(op, w, 0, group, OUTPUTS)
    flow.layouts[w] = flow.keep(op, w, 1, "it follows the input's channels")
    if b is not None:
        return flow.einsum(op, [(w, ["o", *(("w", i) for i in range(1, w.type.rank))]), (b, ["o"])], ["o"]).axes[0]
    return flow.of(w).axes[0]


def grouped_transposed(flow: Flow, op: Op, x: Value, w: Value, b: Value | None, group: int) -> Axis:
    """x (N, C, *), w (C, O/group, *), b (O). Returns the factors of the output channels. Raises Unaligned."""
    each = w.type.dims[1]
    spatial = [[(v, i) for i in range(w.type.rank - 2)] for v in "xw"]
    if not isinstance(w, Const) or not isinstance(each, int):
        flow.opaque(op, "the weights of its groups are computed")
        return (Factor(each * group),)
    flow.layouts[w] = flow.keep(op, w, 1, "it follows the output's channels")
    if w.type.dims[0] == group:
        terms: list[Term] = [(x, ["n", "g", *spatial[0]]), (w, ["g", "m", *spatial[1]])]
        layouts = [flow.of(x), flow.of(w)]
        if b is not None:
            terms.append((b, ["g", "m"]))
            layouts.append(flow.of(b).reshape((group, each)))
        return _flat(flow.einsum(op, terms, ["g", "m"], layouts, read=False))
    _read_inputs(flow, op, x, group)
    flow.einsum(op, [(x, ["n", "i", *spatial[0]]), (w, ["i", "m", *spatial[1]])], ["n", "i"], read=False)
    if b is not None:
        flow.balance(op, b, 0, group, OUTPUTS)
        return flow.of(b).axes[0]
    outputs = Layout((single(flow.fresh(each * group, op, "outputs")),))
    flow.balance_layout(op, outputs, 0, group, OUTPUTS)
    return outputs.axes[0]


def _read_inputs(flow: Flow, op: Op, x: Value, group: int) -> None:
    inputs = flow.balance_layout(op, flow.of(x), 1, group, INPUTS)
    held: dict[Channels | None, None] = dict.fromkeys(f.channels for f in (*inputs.axes[1], *inputs.axes[2]))
    flow.reads += [Read(op, (x,), c.atoms) for c in held if c is not None]


def _flat(layout: Layout) -> Axis:
    factors = tuple(f for axis in layout.axes for f in axis if f.size != 1)
    return factors or (Factor(1),)


def fewer_groups(kept: Kept, x: Value, w: Value, now: Value, group: int) -> tuple[int, Value]:
    """The group count and the weights (O, C/group, *) of a convolution for the channels of ``x`` that are left.

    Weights that are computed have become smaller with what they are computed from: ``now``.
    """
    each_in = w.type.dims[1]
    assert isinstance(each_in, int)
    inputs = np.arange(each_in * group) if kept.layouts[x].is_fixed(1) else kept.positions(x, 1)
    if not isinstance(w, Const):
        return (len(inputs) if each_in == 1 else group), now
    each_out = w.data.shape[0] // group
    rows = kept.positions(w, 0)
    if each_in == 1:
        rows = np.concatenate([rows[rows // each_out == i] for i in inputs])
        group, new = len(inputs), w.data[rows]
    else:
        blocks = _blocks(inputs, group, each_in)
        rows = _blocks(rows, group, each_out)
        new = np.concatenate([w.data[r][:, i % each_in] for r, i in zip(rows, blocks, strict=True)])
    return group, _made(kept, w, new, rows.reshape(-1))


def fewer_groups_transposed(kept: Kept, x: Value, w: Value, now: Value, y: Value, group: int) -> tuple[int, Value]:
    """The group count and the weights (C, O/group, *) for the channels of ``x`` and ``y`` that are left: ``now`` where
    they are computed, since then all channels are."""
    if not isinstance(w, Const):
        return group, now
    each_in, each_out = w.data.shape[0] // group, w.data.shape[1]
    inputs = np.arange(each_in * group) if kept.layouts[x].is_fixed(1) else kept.positions(x, 1)
    outputs = kept.positions(y, 1)
    if each_in == 1:
        return len(inputs), _made(kept, w, w.data[inputs], inputs)
    parts = zip(_blocks(inputs, group, each_in), _blocks(outputs, group, each_out), strict=True)
    return group, _made(kept, w, np.concatenate([w.data[i][:, o % each_out] for i, o in parts]), inputs)


def _blocks(positions: Positions, group: int, each: int) -> Positions:
    blocks = positions.reshape(group, -1)
    if (blocks // each != blocks[:, :1] // each).any():
        raise ValueError("channels moved from one group to another")
    return blocks


def _made(kept: Kept, old: Const, data: Array, rows: Positions) -> Const:
    new = old.replace(data)
    (f,) = kept.layouts[old].merged(0).axes[0]
    axis: Axis = (Factor(rows.size),) if f.channels is None else single(f.channels.atoms[rows])
    kept.made[new] = Layout.fixed(new.type.dims).with_axis(0, axis)
    return new
