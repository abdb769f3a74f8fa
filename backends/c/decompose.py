"""Ops that become several simpler ones on the way to C."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from lissom.backends.c.phases import reshaped, transposed
from lissom.ir.errors import Unsupported
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.ops.attention import Attention
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.gather import Gather
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.qlinear_conv_transpose import QLinearConvTranspose
from lissom.ir.ops.slice import Slice
from lissom.ir.ops.softmax import Softmax
from lissom.ir.ops.squeeze import Squeeze
from lissom.ir.ops.swi_glu import SwiGLU
from lissom.ir.ops.swish import Swish
from lissom.ir.ops.tanh import Tanh
from lissom.ir.ops.transpose import Transpose
from lissom.ir.types import DType
from lissom.ir.values import Const, Value


def decompose(graph: Graph) -> None:
    """Replace the ops of :data:`DECOMPOSITIONS` by what they stand for; what is refused stays, for a message later."""
    for op in graph.ops:
        rule = DECOMPOSITIONS.get(type(op))
        if rule is None or any(r.type.static is None for r in op.results):
            continue
        try:
            made = rule(op)
        except Unsupported:
            continue
        graph.replace(op, made if len(made) > 1 else made[0])


def attention(op: Attention) -> tuple[Value, ...]:
    """Two products and a softmax; what may not be seen is known now, or added as it comes."""
    refused = op.nonpad_kv_seqlen is not None or op.results_used == 4 or op.type.dtype is not DType.float32
    if refused or (op.attn_mask is not None and op.attn_mask.type.dtype is DType.bool):
        raise Unsupported("this form of attention")
    q, k, v = (_heads(x, heads, op.name) for x, heads in op._heads())
    offset = 0
    if op.past_key is not None and op.past_value is not None:
        k, v = Concat((op.past_key, k), axis=2), Concat((op.past_value, v), axis=2)
        offset = _size(op.past_key, 2)
    results = (k, v)
    groups = _size(q, 1) // _size(k, 1)
    if groups > 1:
        k, v = _repeated(k, groups), _repeated(v, groups)
    scale = _size(q, 3) ** -0.5 if op.scale is None else op.scale
    scores: Op = Mul(MatMul(q, Transpose(k, perm=(0, 1, 3, 2))), _scalar(scale))
    if op.softcap > 0:
        scores = Mul(Tanh(Mul(scores, _scalar(1 / op.softcap))), _scalar(op.softcap))
    queries, keys = _size(q, 2), _size(k, 2)
    hidden = op._hidden(queries, keys, offset, None).expand(1, 1, queries, keys).numpy()
    if hidden.all(-1).any():
        raise Unsupported("queries that may see no key")
    if op.attn_mask is not None:
        if _size(op.attn_mask, -1) != keys:
            raise Unsupported("a mask shorter than the keys")
        scores = Add(scores, op.attn_mask)
    if hidden.any():
        scores = Add(scores, Const(np.where(hidden, -np.inf, 0).astype(np.float32), f"{op.name}.hidden"))
    y: Op = MatMul(Softmax(scores, axis=-1), v)
    if op.type.rank == 3:
        y = reshaped(Transpose(y, perm=(0, 2, 1, 3)), tuple(_size(op, i) for i in range(3)))
    return (y.named(op.name, op.loc), *results)[: op.results_used]


def _heads(x: Value, heads: int | None, name: str) -> Value:
    """An operand as (N, heads, T, D)."""
    if x.type.rank == 4:
        return x
    n, t, features = (_size(x, i) for i in range(3))
    split = reshaped(x, (n, t, heads or 1, features // (heads or 1)))
    return Transpose(split, perm=(0, 2, 1, 3)).named(f"{name}.heads")


def _repeated(x: Value, times: int) -> Value:
    """Each head ``times`` times, one after the other."""
    n, heads, t, d = (_size(x, i) for i in range(4))
    flat = reshaped(x, (n, heads, 1, t, d))
    return reshaped(Concat((flat,) * times, axis=2), (n, heads * times, t, d))


def _scalar(value: float) -> Const:
    return Const(np.array(value, np.float32), "scale")


def _size(x: Value, axis: int) -> int:
    size = x.type.dims[axis]
    assert isinstance(size, int)
    return size


def gather(op: Gather) -> tuple[Value, ...]:
    """One element of an axis, or neighbours, are a slice."""
    if not isinstance(op.indices, Const) or op.indices.type.rank > 1 or op.indices.data.size == 0:
        raise Unsupported("a gather of what does not lie together")
    axis = op.axis % op.x.type.rank
    first, *others = (int(i) % _size(op.x, axis) for i in op.indices.data.reshape(-1))
    if others != list(range(first + 1, first + 1 + len(others))):
        raise Unsupported("a gather of what does not lie together")
    start, end, axes = (Const(np.array([n], np.int64)) for n in (first, first + 1 + len(others), axis))
    part = Slice(op.x, start, end, axes).named(op.name, op.loc)
    return (part if op.indices.type.rank else Squeeze(part, axes).named(op.name, op.loc),)


def swi_glu(op: SwiGLU) -> tuple[Value, ...]:
    """A gate and a product."""
    return (Mul(Swish(op.a, alpha=op.alpha), op.b).named(op.name, op.loc),)


def linear_layer(op: Add) -> tuple[Value, ...]:
    """x @ w + b for more than one axis of rows, with constant w and b: a Gemm of all rows, which adds b on its way."""
    match op:
        case Add(MatMul(x, Const(w) as weight) as product, Const(b) as bias) if (
            op.type.dtype is DType.float32 and product.type.rank > 2 and w.ndim == 2 and len(product.users) == 1
        ):
            if b.shape == w.shape[1:] and op.type == product.type:
                rows = math.prod(_size(x, i) for i in range(x.type.rank - 1))
                columns = weight.replace(np.ascontiguousarray(w.T))
                layer = Gemm(reshaped(x, (rows, w.shape[0])), columns, bias, transB=True)
                sizes = tuple(_size(op, i) for i in range(op.type.rank))
                return (reshaped(layer.named(product.name, op.loc), sizes).named(op.name, op.loc),)
    raise Unsupported("a sum of other things")


DECOMPOSITIONS: dict[type[Op], Callable[[Any], tuple[Value, ...]]] = {
    Add: linear_layer,
    Attention: attention,
    ConvTranspose: transposed,
    Gather: gather,
    QLinearConvTranspose: transposed,
    SwiGLU: swi_glu,
}
