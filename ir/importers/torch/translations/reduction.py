"""Reductions, cumulative sums and orderings."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from lissom.ir.importers.torch.operands import (
    Number,
    axes_of,
    axis_of,
    cast,
    ints,
    like,
    reshape,
    scalar,
    size_of,
    sizes,
    static,
)
from lissom.ir.importers.torch.registry import translates
from lissom.ir.op import Op
from lissom.ir.ops.abs import Abs
from lissom.ir.ops.arg_max import ArgMax
from lissom.ir.ops.arg_min import ArgMin
from lissom.ir.ops.cum_prod import CumProd
from lissom.ir.ops.cum_sum import CumSum
from lissom.ir.ops.div import Div
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.pow import Pow
from lissom.ir.ops.reduce_l1 import ReduceL1
from lissom.ir.ops.reduce_l2 import ReduceL2
from lissom.ir.ops.reduce_log_sum_exp import ReduceLogSumExp
from lissom.ir.ops.reduce_max import ReduceMax
from lissom.ir.ops.reduce_mean import ReduceMean
from lissom.ir.ops.reduce_min import ReduceMin
from lissom.ir.ops.reduce_prod import ReduceProd
from lissom.ir.ops.reduce_sum import ReduceSum
from lissom.ir.ops.sqrt import Sqrt
from lissom.ir.ops.sub import Sub
from lissom.ir.ops.top_k import TopK
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.types import DType
from lissom.ir.values import Value

Dims = Sequence[int] | int | None


def _reduce(op: Callable[..., Op], x: Value, dim: Dims, keepdim: bool) -> Value:
    return op(x, None if dim is None or dim == () else ints(*axes_of(x, dim)), keepdims=keepdim)


@translates("mean")
def mean(x: Value, dim: Dims = None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Value:
    return _reduce(ReduceMean, cast(x, dtype), dim, keepdim)


@translates("sum")
def total(x: Value, dim: Dims = None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Value:
    x = cast(x, dtype)
    return _reduce(ReduceSum, x if x.type.dtype.is_float or dtype else cast(x, DType.int64), dim, keepdim)


@translates("prod")
def product(x: Value, dim: Dims = None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Value:
    x = cast(x, dtype)
    return _reduce(ReduceProd, x if x.type.dtype.is_float or dtype else cast(x, DType.int64), dim, keepdim)


@translates("amax")
def amax(x: Value, dim: Dims = None, keepdim: bool = False) -> Value:
    return _reduce(ReduceMax, x, dim, keepdim)


@translates("amin")
def amin(x: Value, dim: Dims = None, keepdim: bool = False) -> Value:
    return _reduce(ReduceMin, x, dim, keepdim)


@translates("max")
def largest(x: Value) -> Value:
    return amax(x)


@translates("min")
def smallest(x: Value) -> Value:
    return amin(x)


@translates("max.dim")
def max_along(x: Value, dim: int, keepdim: bool = False) -> tuple[Value, Value]:
    return amax(x, dim, keepdim), ArgMax(x, axis=axis_of(x, dim), keepdims=keepdim)


@translates("min.dim")
def min_along(x: Value, dim: int, keepdim: bool = False) -> tuple[Value, Value]:
    return amin(x, dim, keepdim), ArgMin(x, axis=axis_of(x, dim), keepdims=keepdim)


@translates("argmax")
def argmax(x: Value, dim: int | None = None, keepdim: bool = False) -> Value:
    return _arg(ArgMax, x, dim, keepdim)


@translates("argmin")
def argmin(x: Value, dim: int | None = None, keepdim: bool = False) -> Value:
    return _arg(ArgMin, x, dim, keepdim)


def _arg(op: Callable[..., Op], x: Value, dim: int | None, keepdim: bool) -> Value:
    if dim is not None:
        return op(x, axis=axis_of(x, dim), keepdims=keepdim)
    flat = op(reshape(x, [-1]), axis=0, keepdims=False)
    return reshape(flat, [1] * x.type.rank) if keepdim else flat


@translates("any")
def any_true(x: Value, dim: Dims = None, keepdim: bool = False) -> Value:
    return cast(_reduce(ReduceMax, cast(cast(x, DType.bool), DType.int32), dim, keepdim), DType.bool)


@translates("all")
def all_true(x: Value, dim: Dims = None, keepdim: bool = False) -> Value:
    return cast(_reduce(ReduceMin, cast(cast(x, DType.bool), DType.int32), dim, keepdim), DType.bool)


@translates("logsumexp")
def logsumexp(x: Value, dim: Dims, keepdim: bool = False) -> Value:
    return _reduce(ReduceLogSumExp, x, dim, keepdim)


def _variance(x: Value, dim: Dims, correction: Number, keepdim: bool) -> tuple[Value, Value]:
    """Variance and mean over some axes; the divisor is their size less ``correction``."""
    axes = axes_of(x, dim)
    center = ReduceMean(x, ints(*axes), keepdims=True)
    deviation = Sub(x, center)
    squares = Mul(deviation, deviation)
    known = [static(x, a) for a in axes]
    if correction == 0:
        spread: Value = ReduceMean(squares, ints(*axes), keepdims=keepdim)
    else:
        count: Value = scalar(1)
        if all(k is not None for k in known):
            count = like(x, math.prod(k or 0 for k in known) - correction)
        else:
            for a in axes:
                size = size_of(x, a)
                count = Mul(count, size if isinstance(size, Value) else scalar(size))
            count = Sub(cast(count, x.type.dtype), like(x, correction))
        spread = Div(ReduceSum(squares, ints(*axes), keepdims=keepdim), count)
    return spread, center if keepdim else ReduceMean(x, ints(*axes), keepdims=False)


@translates("var", "var.correction")
def variance(x: Value, *given: object, correction: Number | None = None, keepdim: bool = False) -> Value:
    return _variance(x, *_spread_arguments(given, correction, keepdim))[0]


@translates("std", "std.correction")
def deviation(x: Value, *given: object, correction: Number | None = None, keepdim: bool = False) -> Value:
    return Sqrt(variance(x, *given, correction=correction, keepdim=keepdim))


@translates("var_mean", "var_mean.correction")
def variance_and_mean(
    x: Value, *given: object, correction: Number | None = None, keepdim: bool = False
) -> tuple[Value, Value]:
    return _variance(x, *_spread_arguments(given, correction, keepdim))


@translates("std_mean", "std_mean.correction")
def deviation_and_mean(
    x: Value, *given: object, correction: Number | None = None, keepdim: bool = False
) -> tuple[Value, Value]:
    spread, center = variance_and_mean(x, *given, correction=correction, keepdim=keepdim)
    return Sqrt(spread), center


def _spread_arguments(given: tuple[object, ...], correction: Number | None, keepdim: bool) -> tuple[Dims, Number, bool]:
    """Axes, correction and keepdim of the forms ``(unbiased)``, ``(dim, unbiased, keepdim)`` and ``(dim, *, ...)``."""
    rest = list(given)
    dim: Dims = None
    if rest and not isinstance(rest[0], bool):
        first = rest.pop(0)
        dim = (
            first
            if isinstance(first, int)
            else tuple(d for d in first if isinstance(d, int))
            if isinstance(first, tuple)
            else None
        )
    flags = [bool(r) for r in rest]
    unbiased = flags[0] if flags else None
    number = int(unbiased) if unbiased is not None else 1 if correction is None else correction
    return dim, number, flags[1] if len(flags) > 1 else keepdim


@translates("linalg_vector_norm")
def vector_norm(
    x: Value, ord: Number = 2, dim: Dims = None, keepdim: bool = False, *, dtype: torch.dtype | None = None
) -> Value:
    x = cast(x, dtype)
    if ord == 2:
        return _reduce(ReduceL2, x, dim, keepdim)
    if ord == 1:
        return _reduce(ReduceL1, x, dim, keepdim)
    if ord == math.inf:
        return _reduce(ReduceMax, Abs(x), dim, keepdim)
    if ord == -math.inf:
        return _reduce(ReduceMin, Abs(x), dim, keepdim)
    powers = _reduce(ReduceSum, Pow(Abs(x), like(x, ord)), dim, keepdim)
    return Pow(powers, like(x, 1 / ord))


@translates("norm")
def norm(
    x: Value, p: Number | None = 2, dim: Dims = None, keepdim: bool = False, *, dtype: torch.dtype | None = None
) -> Value:
    return vector_norm(x, 2 if p is None else p, dim, keepdim, dtype=dtype)


@translates("cdist", "_cdist_forward")
def distances(a: Value, b: Value, p: Number = 2, compute_mode: int | None = None) -> Value:
    """Between each row of a and each row of b."""
    rank = a.type.rank
    return vector_norm(Sub(Unsqueeze(a, ints(rank - 1)), Unsqueeze(b, ints(rank - 2))), p, -1)


@translates("cumsum")
def cumsum(x: Value, dim: int, *, dtype: torch.dtype | None = None) -> Value:
    x = cast(x, dtype)
    return CumSum(x if x.type.dtype.is_float or dtype else cast(x, DType.int64), scalar(axis_of(x, dim)))


@translates("cumprod")
def cumprod(x: Value, dim: int, *, dtype: torch.dtype | None = None) -> Value:
    x = cast(x, dtype)
    return CumProd(x if x.type.dtype.is_float or dtype else cast(x, DType.int64), scalar(axis_of(x, dim)))


@translates("topk")
def topk(x: Value, k: int | Value, dim: int = -1, largest: bool = True, sorted: bool = True) -> tuple[Value, ...]:
    return TopK(x, sizes([k]), axis=axis_of(x, dim), largest=largest, sorted=sorted).results


@translates("sort")
def sort(x: Value, dim: int = -1, descending: bool = False, *, stable: bool | None = None) -> tuple[Value, ...]:
    axis = axis_of(x, dim)
    return topk(x, size_of(x, axis), axis, descending)


@translates("argsort")
def argsort(x: Value, dim: int = -1, descending: bool = False, *, stable: bool | None = None) -> Value:
    return sort(x, dim, descending)[1]


@translates("count_nonzero")
def count_nonzero(x: Value, dim: Dims = None) -> Value:
    return _reduce(ReduceSum, cast(cast(x, DType.bool), DType.int64), dim, False)
