"""Pools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from lissom.ir.errors import Unsupported
from lissom.ir.importers.torch.operands import ints, like, per_axis, static
from lissom.ir.importers.torch.registry import translates
from lissom.ir.importers.torch.translations.convolution import Ints, batched
from lissom.ir.ops.average_pool import AveragePool
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.global_average_pool import GlobalAveragePool
from lissom.ir.ops.global_max_pool import GlobalMaxPool
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.max_pool import MaxPool
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.reduce_max import ReduceMax
from lissom.ir.ops.slice import Slice
from lissom.ir.ops.transpose import Transpose
from lissom.ir.values import Const, Value


def _register(rank: int) -> None:
    @translates(f"max_pool{rank}d")
    def max_pool(
        x: Value, kernel: Ints, stride: Ints = (), padding: Ints = 0, dilation: Ints = 1, ceil_mode: bool = False
    ) -> Value:
        k = per_axis(kernel, rank)
        geometry = (per_axis(stride, rank) if stride else k, per_axis(padding, rank) * 2, per_axis(dilation, rank))
        return batched(x, rank, lambda x: MaxPool(x, k, *geometry, ceil_mode=ceil_mode))

    @translates(f"max_pool{rank}d_with_indices")
    def max_pool_with_indices(
        x: Value, kernel: Ints, stride: Ints = (), padding: Ints = 0, dilation: Ints = 1, ceil_mode: bool = False
    ) -> tuple[Value]:
        """The indices, which unpooling wants, are counted otherwise in ONNX and are not offered."""
        return (max_pool(x, kernel, stride, padding, dilation, ceil_mode),)

    @translates(f"avg_pool{rank}d")
    def average_pool(
        x: Value,
        kernel: Ints,
        stride: Ints = (),
        padding: Ints = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Value:
        k = per_axis(kernel, rank)
        pads = per_axis(padding, rank) * 2
        # A divisor of one's own: undo the division by the window, which must then be the same everywhere.
        if divisor_override and ceil_mode:
            raise Unsupported("divisor_override together with ceil_mode; use one of them")

        def body(x: Value) -> Value:
            y = AveragePool(
                x,
                k,
                strides=per_axis(stride, rank) if stride else k,
                pads=pads,
                ceil_mode=ceil_mode,
                count_include_pad=(count_include_pad or divisor_override is not None) and any(pads),
            )
            return y if divisor_override is None else Mul(y, like(y, prod(k) / divisor_override))

        return batched(x, rank, body)

    @translates(f"adaptive_avg_pool{rank}d", f"_adaptive_avg_pool{rank}d")
    def adaptive_average_pool(x: Value, output_size: Sequence[int | None] | int) -> Value:
        def apart(x: Value, axis: int, windows: list[tuple[int, int]]) -> Value:
            """Windows of unequal size: a product with a matrix of averages along the axis."""
            averages = np.zeros((static(x, axis) or 0, len(windows)), dtype=x.type.dtype.numpy)
            for j, (begin, end) in enumerate(windows):
                averages[begin:end, j] = 1 / (end - begin)
            perm = [*(i for i in range(x.type.rank) if i != axis), axis]
            back = tuple(int(i) for i in np.argsort(perm))
            return Transpose(MatMul(Transpose(x, tuple(perm)), Const(averages)), back)

        return _adaptive(x, rank, output_size, GlobalAveragePool, lambda x, k: AveragePool(x, k, strides=k), apart)

    @translates(f"adaptive_max_pool{rank}d")
    def adaptive_max_pool(x: Value, output_size: Sequence[int | None] | int) -> tuple[Value]:
        def apart(x: Value, axis: int, windows: list[tuple[int, int]]) -> Value:
            pieces = [ReduceMax(Slice(x, ints(b), ints(e), ints(axis)), ints(axis)) for b, e in windows]
            return Concat(tuple(pieces), axis=axis)

        return (_adaptive(x, rank, output_size, GlobalMaxPool, lambda x, k: MaxPool(x, k, strides=k), apart),)


for _rank in (1, 2, 3):
    _register(_rank)


def _adaptive(
    x: Value,
    rank: int,
    output_size: Sequence[int | None] | int,
    everything: Callable[[Value], Value],
    evenly: Callable[[Value, tuple[int, ...]], Value],
    apart: Callable[[Value, int, list[tuple[int, int]]], Value],
) -> Value:
    """Windows that follow from the size n of the output: from floor(i*size/n) to ceil((i+1)*size/n)."""
    wanted = (output_size,) * rank if isinstance(output_size, int) else tuple(output_size)

    def body(x: Value) -> Value:
        if all(n == 1 for n in wanted):
            return everything(x)
        given = [static(x, i + 2) for i in range(rank)]
        if any(s is None and n is not None for s, n in zip(given, wanted, strict=True)):
            raise Unsupported(
                f"an adaptive pool to {wanted} of a symbolic size ({x.type}); give the size, or pool to 1"
            )
        pairs = [(s or 1, (s or 1) if n is None else n) for s, n in zip(given, wanted, strict=True)]
        if all(s % n == 0 for s, n in pairs):
            return evenly(x, tuple(s // n for s, n in pairs))
        for axis, (s, n) in enumerate(pairs, 2):
            if s != n:
                x = apart(x, axis, [(i * s // n, -(-(i + 1) * s // n)) for i in range(n)])
        return x

    return batched(x, rank, body)
