"""Sums of products in float: convolutions, matrix products, Einsum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lissom.backends.c.bindings.sparse import sparse_convolution
from lissom.backends.c.builder import Builder, binds
from lissom.backends.c.geometry import (
    Order,
    broadcast,
    contiguous,
    element_of,
    layout_order,
    merged,
    shape_of,
    stored_strides,
)
from lissom.backends.c.packing import holds_all
from lissom.backends.c.packing.operand import Operand
from lissom.backends.c.program import Place
from lissom.ir.errors import Unsupported
from lissom.ir.ops.add import Add
from lissom.ir.ops.attention import Attention
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.einsum import Einsum
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.mul import Mul
from lissom.ir.types import Array, DType
from lissom.ir.values import Const, Value, producer
from lissom.kernels.kernel import Kernel, Params


def three(values: Sequence[int], fill: int) -> tuple[int, ...]:
    """The numbers of up to 3 spatial axes, with ``fill`` for the leading axes that are not there."""
    if len(values) > 3:
        raise Unsupported(f"{len(values)} spatial axes; kernels take up to 3")
    return (*[fill] * (3 - len(values)), *values)


def conv_params(op: Any, x: Sequence[int], y: Sequence[int], kernel: Sequence[int]) -> dict[str, Any]:
    """Parameters of a convolution from ``x`` to ``y`` (NC*); a pointwise one walks all positions as one row."""
    if op.auto_pad != "NOTSET":
        raise Unsupported(f"auto_pad {op.auto_pad} was not resolved")
    geometry: dict[str, tuple[int, ...]] = {
        "in": three(x[2:], 1),
        "out": three(y[2:], 1),
        "kernel": three(kernel, 1),
        "stride": three(op.strides, 1),
        "dilation": three(op.dilations, 1),
        "pad": three(op.pads[: len(kernel)], 0),
    }
    if set(geometry["kernel"]) | set(geometry["stride"]) == {1} and not any(op.pads):
        positions = int(np.prod(geometry["in"]))
        geometry["in"] = geometry["out"] = (1, 1, positions)
    return {
        "batch": x[0],
        "groups": op.group,
        "in_channels": x[1] // op.group,
        "out_channels": y[1] // op.group,
        **geometry,
        "x_pixel": x[1],
        "y_pixel": y[1],
        "skip_pixel": y[1],
        "low": -np.inf,
        "high": np.inf,
    }


def weights(b: Builder, kernel: Any, operand: str, value: Value) -> Any:
    """A weight operand: packed where it is a constant."""
    return b.packed(kernel, operand, value.data, value.name) if isinstance(value, Const) else b.read(value)


@binds(Conv)
def conv(op: Conv, b: Builder) -> None:
    params = conv_params(op, shape_of(op.x), shape_of(op), op.kernel_shape)
    kernel = b.choose(f"conv_{element_of(op.x)}", params)
    if isinstance(op.w, Const) and isinstance(op.b, Const | None):
        beside = {"b": bias_of(op.w, op.b)}
        if sparse_convolution(op, b, op.x, op.w.data, params, beside, kernel, op.type.rank):
            return
    order = layout_order(kernel.layout, op.type.rank)
    if holds_all(kernel.packing["w"]):
        if not isinstance(op.w, Const) or not isinstance(op.b, Const | None):
            raise Unsupported("weights or a bias that are not constant")
        operands = [packed_weights(b, kernel, params, op.w, op.b), None]
    else:
        operands = [weights(b, kernel, "w", op.w), b.read(op.b)]
    b.call(kernel, params, [b.read(op.x, order), *operands, None], [b.write(op, order)])


def packed_weights(b: Builder, kernel: Kernel, params: Params, w: Const, bias: Const | None) -> Place:
    """Weights and bias in one, for the kernel of a convolution."""
    return b.packed(kernel, "w", Operand(w.data, params, {"b": bias_of(w, bias)}), f"{w.name}.panels")


def bias_of(w: Const, bias: Const | None) -> Array:
    """The bias of a convolution, zeros where it has none."""
    return np.zeros(w.data.shape[0], np.float32) if bias is None else bias.data


def add_to_producer(op: Add, b: Builder) -> bool:
    """Let the convolution that computes an operand add the other one, as a residual block does.

    It adds one: a sum that such a convolution computes already is not what it can add another one to.
    """
    for value, other in ((op.b, op.a), (op.a, op.b)):
        if value is other or not shape_of(value) == shape_of(other) == shape_of(op):
            continue
        if isinstance(producer(b.computed(value)), Add):
            continue
        order = b.order(value)
        call = b.reclaim(value, "conv_f32", low=-np.inf, high=np.inf)
        if call is not None:
            b.call(call.kernel, call.params, [*call.reads[:-1], b.read(other, order)], [b.write(op, order)])
            return True
    return False


def one_row(positions: int, channels: int, outputs: int) -> dict[str, Any]:
    """The ``lissom_conv_params`` of a product with constant weights (outputs, channels): a convolution of a row."""
    ones = (1, 1, 1)
    return {
        "batch": 1,
        "groups": 1,
        "in_channels": channels,
        "out_channels": outputs,
        "in": (1, 1, positions),
        "out": (1, 1, positions),
        "kernel": ones,
        "stride": ones,
        "dilation": ones,
        "pad": (0, 0, 0),
        "x_pixel": channels,
        "y_pixel": outputs,
        "skip_pixel": outputs,
        "low": -np.inf,
        "high": np.inf,
    }


def rows_as_convolution(op: Any, b: Builder, x: Value, w: Array, bias: Value | None) -> bool:
    """Call a convolution for the product of x (..., K) with constant weights w (N, K), where the target has a kernel
    that takes all weights packed."""
    n, k = w.shape
    if not isinstance(bias, Const | None) or x.type.dtype is not DType.float32:
        return False
    params = one_row(x.type.size() // k, k, n)
    kernel = b.chooser("conv_f32", params, b.program.target)
    data = np.zeros(n, np.float32) if bias is None else np.broadcast_to(bias.data.reshape(-1), n)
    if sparse_convolution(op, b, x, w, params, {"b": data}, kernel, 2):
        return True
    if isinstance(kernel, str) or not holds_all(kernel.packing["w"]):
        return False
    whole = b.packed(kernel, "w", Operand(w, params, {"b": data}), f"{op.name}.panels")
    b.call(kernel, params, [b.read(x), whole, None, None], [b.write(op)])
    return True


@binds(ConvTranspose)
def conv_transpose(op: ConvTranspose, b: Builder) -> None:
    """One whose weights are computed: others are lowered to convolutions."""
    x, y, w = shape_of(op.x), shape_of(op), shape_of(op.w)
    # A transposed convolution has a kernel of its own: its positions do not fall into one row.
    params = conv_params(op, x, y, w[2:])
    params |= {"in": three(x[2:], 1), "out": three(y[2:], 1)}
    kernel = b.choose(f"conv_transpose_{element_of(op.x)}", params)
    b.call(kernel, params, [b.read(op.x), weights(b, kernel, "w", op.w), b.read(op.b)], [b.write(op)])


Matrices = tuple[Sequence[int], Sequence[int]]
"""Sizes and strides of a matrix, or of a batch of them."""


def matmul_params(a: Matrices, b: Matrices, y: Matrices) -> dict[str, Any]:
    """Parameters of a batched product y (*, M, N) of a (*, M, K) and b (*, K, N).

    Where all products of an axis of the batch have the same ``b``, the axis joins the rows.
    """
    *batch, m, n = y[0]
    steps = [broadcast(sizes[:-2], batch, strides[:-2]) for sizes, strides in (a, b, y)]
    rows = (a[1][-2], 0, y[1][-2])
    size, *joined = merged((*batch, m), *((*step, row) for step, row in zip(steps, rows, strict=True)))
    if joined[1][-1] != 0:  # the last axis is one of the batch, of matrices with one row
        size, joined = (*size, 1), [(*step, row) for step, row in zip(joined, rows, strict=True)]
    (*a_batch, a_m), (*b_batch, _), (*y_batch, y_m) = joined
    return {
        "rank": len(size) - 1,
        "batch": size[:-1] or (1,),
        "a_batch": tuple(a_batch) or (0,),
        "b_batch": tuple(b_batch) or (0,),
        "y_batch": tuple(y_batch) or (0,),
        "m": size[-1],
        "n": n,
        "k": a[0][-1],
        "a_m": a_m,
        "a_k": a[1][-1],
        "b_k": b[1][-2],
        "b_n": b[1][-1],
        "y_m": y_m,
        "c_m": 0,
        "c_n": 0,
        "alpha": 1.0,
        "beta": 0.0,
    }


def flipped(matrix: Matrices) -> Matrices:
    """A transposed matrix."""
    sizes, strides = matrix
    return (sizes[1], sizes[0]), (strides[1], strides[0])


def matrix(b: Builder, kernel: Kernel, value: Value) -> Place:
    """The right operand of a product: packed where it is a constant, else as it lies."""
    return b.packed(kernel, "b", value.data, value.name) if isinstance(value, Const) else b.stored(value)


def batched(op: Any, b: Builder) -> tuple[dict[str, Any], Place | None, Order]:
    """Parameters of a MatMul, its left operand, and the order of its result: rows stay where those of the left operand
    are, so heads that are slices of the last axis are written as such slices."""
    left, order, plain = op.a, b.order(op.a), tuple(range(op.a.type.rank))
    if order[-1] != plain[-1]:
        order = plain
    y_order = order if op.type.rank == op.a.type.rank > 1 else tuple(range(op.type.rank))
    a: Matrices = (shape_of(left), stored_strides(shape_of(left), order))
    right: Matrices = (shape_of(op.b), b.strides(op.b))
    y: Matrices = (shape_of(op), stored_strides(shape_of(op), y_order))
    if op.b.type.rank == 1:
        right, y = ((*right[0], 1), (*right[1], 1)), ((*y[0], 1), (*y[1], 1))
    if op.a.type.rank == 1:
        a = ((1, *a[0]), (0, *a[1]))
        y = ((*y[0][:-1], 1, y[0][-1]), (*y[1][:-1], 0, y[1][-1]))
    return matmul_params(a, right, y), b.read(left, order), y_order


@binds(MatMul)
def matmul(op: MatMul, b: Builder) -> None:
    w = np.ascontiguousarray(op.b.data.T) if isinstance(op.b, Const) and op.b.type.rank == 2 else None
    if w is not None and rows_as_convolution(op, b, op.a, w, None):
        return
    params, a, order = batched(op, b)
    kernel = b.choose(f"matmul_{element_of(op.a)}", params)
    b.call(kernel, params, [a, matrix(b, kernel, op.b), None], [b.write(op, order)])


def scale_product(op: Mul, b: Builder) -> bool:
    """Let the product of matrices that computes an operand multiply by the other, which is one constant."""
    for value, factor in ((op.a, op.b), (op.b, op.a)):
        if not isinstance(factor, Const) or factor.data.size != 1 or shape_of(value) != shape_of(op):
            continue
        order = b.order(value)
        call = b.reclaim(value, "matmul_f32", alpha=1.0, beta=0.0)
        if call is not None:
            b.call(
                call.kernel, {**call.params, "alpha": float(factor.data.reshape(()))}, call.reads, [b.write(op, order)]
            )
            return True
    return False


@binds(Gemm)
def gemm(op: Gemm, b: Builder) -> None:
    """A constant b is stored as (K, N), whichever way the model has it."""
    plain_bias = op.c is None or (isinstance(op.c, Const) and op.c.type.rank < 2 and op.beta == 1)
    if isinstance(op.b, Const) and plain_bias and op.alpha == 1 and not op.transA:
        w = op.b.data if op.transB else op.b.data.T
        if rows_as_convolution(op, b, op.a, np.ascontiguousarray(w), op.c):
            return
    right, transposed = op.b, op.transB
    if isinstance(right, Const) and transposed:
        right, transposed = Const(np.ascontiguousarray(right.data.T), right.name), False
    left, second = ((shape_of(v), b.strides(v)) for v in (op.a, right))
    params = matmul_params(
        flipped(left) if op.transA else left,
        flipped(second) if transposed else second,
        (shape_of(op), contiguous(shape_of(op))),
    )
    params["alpha"] = op.alpha
    if op.c is not None:
        c_m, c_n = broadcast(shape_of(op.c), shape_of(op))
        params |= {"beta": op.beta, "c_m": c_m, "c_n": c_n}
    kernel = b.choose(f"matmul_{element_of(op.a)}", params)
    b.call(kernel, params, [b.stored(op.a), matrix(b, kernel, right), b.read(op.c)], [b.write(op)])


@binds(Einsum)
def einsum(op: Einsum, b: Builder) -> None:
    """One or two operands, by a loop over all indices; a missing operand is the number 1."""
    terms, out = _labels(op)
    if len(terms) > 2:
        raise Unsupported(f"an Einsum of {len(terms)} operands; up to 2 are supported in C")
    sizes: dict[str, int] = {}
    strides: list[dict[str, int]] = []
    for term, value in zip(terms, op.inputs, strict=True):
        steps: dict[str, int] = {}
        for label, size, step in zip(term, shape_of(value), contiguous(shape_of(value)), strict=True):
            sizes[label] = max(size, sizes.get(label, 1))
            steps[label] = steps.get(label, 0) + (step if size != 1 else 0)
        strides.append(steps)
    strides += [{}] * (2 - len(strides))
    summed = [label for label in sizes if label not in out]

    def loops(labels: Sequence[str]) -> list[tuple[int, ...]]:
        return merged([sizes[k] for k in labels], *([s.get(k, 0) for k in labels] for s in strides))

    sizes_out, a_stride, b_stride = loops(out)
    sum_size, sum_a, sum_b = loops(summed)
    params = {
        "rank": len(sizes_out),
        "size": sizes_out,
        "a_stride": a_stride,
        "b_stride": b_stride,
        "sum_rank": len(sum_size),
        "sum_size": sum_size,
        "sum_a": sum_a,
        "sum_b": sum_b,
    }
    second = b.read(op.inputs[1]) if len(op.inputs) == 2 else b.constant(np.ones((), np.float32), "one")
    b.call(f"contract_{element_of(op)}", params, [b.read(op.inputs[0]), second], [b.write(op)])


def _labels(op: Einsum) -> tuple[list[list[str]], list[str]]:
    """The index of every axis of each operand and of the result; the axes of an ellipsis are called 0, 1, ..."""
    left, arrow, right = op.equation.replace(" ", "").partition("->")
    spelled = left.split(",")
    hidden = [len(shape_of(v)) - len(t.replace("...", "")) for v, t in zip(op.inputs, spelled, strict=True)]
    most = max((h for h, t in zip(hidden, spelled, strict=True) if "..." in t), default=0)

    def expand(term: str, width: int) -> list[str]:
        before, dots, after = term.partition("...")
        return [*before, *(str(i) for i in range(most - width, most) if dots), *after]

    terms = [expand(t, h) for t, h in zip(spelled, hidden, strict=True)]
    if arrow:
        return terms, expand(right, most)
    letters = "".join(t.replace("...", "") for t in spelled)
    once = sorted(c for c in set(letters) if letters.count(c) == 1)
    return terms, [*(str(i) for i in range(most)), *once]


@binds(Attention)
def attention(op: Attention, b: Builder) -> None:
    """What ``lower`` did not decompose."""
    raise Unsupported(
        "attention with a bool mask, a mask shorter than the keys, nonpad_kv_seqlen, queries that may see no key, "
        "the qk_matmul result, or other elements than float32 is not supported in C"
    )
