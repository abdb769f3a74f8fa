"""Sums of products in float: convolutions, matrix products, Einsum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lissom.backends.c.builder import Builder, binds
from lissom.backends.c.geometry import broadcast, contiguous, element_of, layout_order, merged, shape_of
from lissom.backends.c.packing import Operand, holds_all
from lissom.backends.c.program import Place
from lissom.ir.errors import Unsupported
from lissom.ir.ops.add import Add
from lissom.ir.ops.attention import Attention
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.einsum import Einsum
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.types import Array, DType
from lissom.ir.values import Const, Value
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
    data = np.zeros(w.data.shape[0], np.float32) if bias is None else bias.data
    return b.packed(kernel, "w", Operand(w.data, params, {"b": data}), f"{w.name}.panels")


def add_to_producer(op: Add, b: Builder) -> bool:
    """Let the convolution that computes an operand add the other one, as a residual block does."""
    for value, other in ((op.b, op.a), (op.a, op.b)):
        if value is other or not shape_of(value) == shape_of(other) == shape_of(op):
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
    if isinstance(kernel, str) or not holds_all(kernel.packing["w"]):
        return False
    data = np.zeros(n, np.float32) if bias is None else np.broadcast_to(bias.data.reshape(-1), n)
    whole = b.packed(kernel, "w", Operand(w, params, {"b": data}), f"{op.name}.panels")
    b.call(kernel, params, [b.read(x), whole, None, None], [b.write(op)])
    return True


@binds(ConvTranspose)
def conv_transpose(op: ConvTranspose, b: Builder) -> None:
    x, y, w = shape_of(op.x), shape_of(op), shape_of(op.w)
    # A transposed convolution has a kernel of its own: its positions do not fall into one row.
    params = conv_params(op, x, y, w[2:])
    params |= {"in": three(x[2:], 1), "out": three(y[2:], 1)}
    kernel = b.choose(f"conv_transpose_{element_of(op.x)}", params)
    b.call(kernel, params, [b.read(op.x), weights(b, kernel, "w", op.w), b.read(op.b)], [b.write(op)])


def matmul_params(a: Sequence[int], b: Sequence[int], a_transposed: bool, b_transposed: bool) -> dict[str, Any]:
    """Parameters of a batched product of row-major ``a`` (*, M, K) and ``b`` (*, K, N), each perhaps stored transposed.

    Where ``b`` has no batch, the batch of ``a`` joins its rows.
    """
    m, k = (a[-1], a[-2]) if a_transposed else (a[-2], a[-1])
    n = b[-2] if b_transposed else b[-1]
    rank = max(len(a), len(b)) - 2
    batch = np.broadcast_shapes(tuple(a[:-2]), tuple(b[:-2]))
    a_step, b_step = broadcast(a, (*batch, *a[-2:]))[:rank], broadcast(b, (*batch, *b[-2:]))[:rank]
    if not any(b_step) and not a_transposed and int(np.prod(a[:-2])) == int(np.prod(batch)):
        m, batch, a_step, b_step = m * int(np.prod(batch)), (), (), ()
    sizes, a_batch, b_batch = merged(batch, a_step, b_step)
    return {
        "rank": len(sizes),
        "batch": sizes,
        "a_batch": a_batch,
        "b_batch": b_batch,
        "m": m,
        "n": n,
        "k": k,
        "a_m": 1 if a_transposed else k,
        "a_k": m if a_transposed else 1,
        "b_k": 1 if b_transposed else n,
        "b_n": k if b_transposed else 1,
        "c_m": 0,
        "c_n": 0,
        "alpha": 1.0,
        "beta": 0.0,
    }


@binds(MatMul)
def matmul(op: MatMul, b: Builder) -> None:
    w = np.ascontiguousarray(op.b.data.T) if isinstance(op.b, Const) and op.b.type.rank == 2 else None
    if w is not None and rows_as_convolution(op, b, op.a, w, None):
        return
    left, right = shape_of(op.a), shape_of(op.b)
    left = (1, *left) if len(left) == 1 else left
    right = (*right, 1) if len(right) == 1 else right
    params = matmul_params(left, right, False, False)
    kernel = b.choose(f"matmul_{element_of(op.a)}", params)
    b.call(kernel, params, [b.read(op.a), weights(b, kernel, "b", op.b), None], [b.write(op)])


@binds(Gemm)
def gemm(op: Gemm, b: Builder) -> None:
    """A constant b is stored as (K, N), whichever way the model has it."""
    plain_bias = op.c is None or (isinstance(op.c, Const) and op.c.type.rank < 2 and op.beta == 1)
    if isinstance(op.b, Const) and plain_bias and op.alpha == 1 and not op.transA:
        w = op.b.data if op.transB else op.b.data.T
        if rows_as_convolution(op, b, op.a, np.ascontiguousarray(w), op.c):
            return
    right, flipped = op.b, op.transB
    if isinstance(right, Const) and flipped:
        right, flipped = Const(np.ascontiguousarray(right.data.T), right.name), False
    params = matmul_params(shape_of(op.a), shape_of(right), op.transA, flipped)
    params["alpha"] = op.alpha
    if op.c is not None:
        c_m, c_n = broadcast(shape_of(op.c), shape_of(op))
        params |= {"beta": op.beta, "c_m": c_m, "c_n": c_n}
    kernel = b.choose(f"matmul_{element_of(op.a)}", params)
    b.call(kernel, params, [b.read(op.a), weights(b, kernel, "b", right), b.read(op.c)], [b.write(op)])


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
