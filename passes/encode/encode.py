"""The realization of weights of few values: packed codes and a table."""

from __future__ import annotations

import numpy as np
import torch

from lissom.ir.families.packing import pack
from lissom.ir.graph import Graph
from lissom.ir.ops.binarize import Binarize
from lissom.ir.ops.codebook import Codebook
from lissom.ir.ops.greater_or_equal import GreaterOrEqual
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.ternarize import Ternarize
from lissom.ir.ops.where import Where
from lissom.ir.tensors import to_tensor
from lissom.ir.types import Array, DType
from lissom.ir.values import Const, Value
from lissom.passes import notes
from lissom.passes.encode.layers import LAYERS, operand_of
from lissom.passes.graph_pass import Kind, graph_pass
from lissom.passes.rule import rewrite, rule

MOST = 256
"""The most values codes of 8 bits tell apart."""


@graph_pass(Kind.realize)
def encode(graph: Graph) -> None:
    """Store weights that are binary, ternary or of at most 256 values as packed codes, and realize binary activations.

    A weight is encoded where that takes fewer bytes. The C code decodes a layer's weights before it runs the layer.
    """
    rewrite(graph, [realize_sign])
    for op in graph.ops:
        if isinstance(op, LAYERS) and op.graph is graph:
            value = operand_of(op)
            made = encoded_weights(value)
            if isinstance(made, str):
                notes.refused("encode", op, made)
            else:
                graph.replace(value, made)
                notes.done("encode", op)


@rule
def realize_sign(sign: Binarize) -> Value | None:
    """sign of an activation  =>  Where(x >= 0, 1, -1)."""
    if isinstance(sign.x, Const) or sign.scale is not None:
        return None
    numbers = [Const(np.array(n, sign.type.dtype.numpy)) for n in (0, 1, -1)]
    return Where(GreaterOrEqual(sign.x, numbers[0]), numbers[1], numbers[2])


def encoded_weights(value: Value) -> Codebook | str:
    """The codebook that equals ``value``, bit for bit; or why there is none."""
    keep: Array | None = None
    inner = value
    if isinstance(value, Mask) and isinstance(value.keep, Const):
        inner, keep = value.x, value.keep.data
    scale: torch.Tensor | None = None
    axis = 0
    match inner:
        case Binarize(Const() as w, Const() | None as factor):
            scale = None if factor is None else to_tensor(factor.data, factor.type.dtype)
            plain, axis = np.where(w.data >= 0, 1, -1).astype(w.data.dtype), inner.axis
        case Ternarize(Const() as w):
            signs, scale = inner.parts(to_tensor(w.data, w.type.dtype))
            plain, axis = signs.numpy(), inner.axis
        case Const() as w if w.type.dtype is DType.float32:
            plain = w.data
        case Codebook():
            return "its weights are codes already"
        case _:
            return "its weights are computed"
    if scale is not None and scale.numel() == 1:
        plain, scale = plain * scale.numpy(), None
    whole = plain if keep is None else np.where(keep, plain, np.zeros((), plain.dtype))
    table, members = np.unique(whole, return_inverse=True)
    if len(table) > MOST:
        return f"its weights have {len(table)} values, and codes tell at most {MOST} apart"
    members = members.reshape(whole.shape)
    made = encoded(members, table, w, scale=None if scale is None else scale.numpy(), axis=axis)
    bytes_now, bytes_then = (sum(v.type.nbytes() for v in op) for op in ((w,), made.operands))
    if bytes_then >= bytes_now:
        return f"codes and table take {bytes_then} bytes, the weights {bytes_now}"
    note_bytes(made, w)
    return made


def encoded(
    members: Array, table: Array, const: Const, *, scale: Array | None = None, axis: int = 0, trainable: bool = False
) -> Codebook:
    """Members (-1 for what is zero and stays so) of a table as a Codebook, in the name of ``const``.

    Zeros are marked by a bit each where that is smaller than giving them a code, and always in a table that learns.
    """
    zero = np.flatnonzero(table == 0) if not trainable else np.zeros(0, np.int64)
    alive = (members >= 0) & ~np.isin(members, zero)
    used = np.unique(members[alive])
    bits, all_bits = _bits(len(used)), _bits(len(used) + (not alive.all()))
    sparse = not alive.all() and (trainable or members.size + bits * int(alive.sum()) < all_bits * members.size)
    if not sparse and not alive.all():
        table, members = np.append(table, table.dtype.type(0)), np.where(alive, members, len(table))
        used, alive, bits = np.append(used, len(table) - 1), np.ones(alive.shape, np.bool_), all_bits
    codes = np.searchsorted(used, members[alive])
    name = const.name
    made = Codebook(
        Const(pack(codes, bits), f"{name}.codes"),
        Const(table[used] if len(used) else np.zeros(1, table.dtype), f"{name}.centroids", trainable=trainable),
        members.shape,
        bits,
        None if scale is None else Const(scale.reshape(-1), f"{name}.scale"),
        axis,
        Const(pack(alive.astype(np.uint8), 1), f"{name}.kept") if sparse else None,
    )
    return made.named(name, const.loc)


def _bits(count: int) -> int:
    return max(1, (count - 1).bit_length())


def note_bytes(made: Codebook, const: Const) -> None:
    """A row of the report's table of encoded weights."""
    row = {
        "weights": const.name,
        "elements": const.data.size,
        "values": made.centroids.type.size() + (made.kept is not None),
        "bits": made.bits,
        "bytes": const.type.nbytes(),
        "encoded": sum(v.type.nbytes() for v in made.operands),
    }
    notes.table("encoded", lambda: [row])
