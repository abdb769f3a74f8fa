"""Scaled dot-product attention, taken apart into products and a softmax."""

from __future__ import annotations

import math

import numpy as np

from lissom.ir.importers.torch.operands import cast, like, scalar, size_of, sizes, static
from lissom.ir.importers.torch.registry import translates
from lissom.ir.importers.torch.translations.shape import repeat_interleave, transpose
from lissom.ir.ops.add import Add
from lissom.ir.ops.expand import Expand
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.softmax import Softmax
from lissom.ir.ops.trilu import Trilu
from lissom.ir.ops.where import Where
from lissom.ir.types import DType
from lissom.ir.values import Const, Value


@translates("scaled_dot_product_attention")
def scaled_dot_product_attention(
    query: Value,
    key: Value,
    value: Value,
    attn_mask: Value | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Value:
    """softmax(q k^T * scale + mask) v over (..., heads, length, size); ``enable_gqa`` shares k and v among heads."""
    if enable_gqa:
        heads, shared = static(query, query.type.rank - 3), static(key, key.type.rank - 3)
        assert heads
        assert shared
        if heads != shared:
            key = repeat_interleave(key, heads // shared, -3)
            value = repeat_interleave(value, heads // shared, -3)
    width = static(query, query.type.rank - 1)
    assert width is not None
    scores: Value = MatMul(query, transpose(key, -2, -1))
    scores = Mul(scores, like(scores, 1 / math.sqrt(width) if scale is None else scale))
    if is_causal:
        scores = _masked(scores, _causal(query, key))
    if attn_mask is not None:
        scores = _masked(scores, attn_mask)
    return MatMul(Softmax(scores, axis=-1), value)


def _masked(scores: Value, mask: Value) -> Value:
    """True keeps a score; a float mask is added to it."""
    if mask.type.dtype is DType.bool:
        return Where(mask, scores, like(scores, -math.inf))
    return Add(scores, cast(mask, scores.type.dtype))


def _causal(query: Value, key: Value) -> Value:
    """True where the position of the key is not behind that of the query."""
    rows, columns = static(query, query.type.rank - 2), static(key, key.type.rank - 2)
    if rows is not None and columns is not None:
        return Const(np.tri(rows, columns, dtype=np.bool_))
    length = sizes([size_of(query, query.type.rank - 2), size_of(key, key.type.rank - 2)])
    return cast(Trilu(Expand(scalar(1, DType.float32), length), upper=False), DType.bool)
