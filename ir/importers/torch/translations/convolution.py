"""Convolutions. PyTorch's weight layouts are ONNX's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lissom.ir.importers.torch.operands import ints, per_axis, reshape, size_of
from lissom.ir.importers.torch.registry import translates
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.squeeze import Squeeze
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.values import Const, Value

Ints = Sequence[int] | int


def batched(x: Value, spatial: int, body: Callable[[Value], Value]) -> Value:
    """``body(x)``, with a batch axis put on and off again around it where ``x`` has none."""
    if x.type.rank == spatial + 2:
        return body(x)
    return Squeeze(body(Unsqueeze(x, ints(0))), ints(0))


def _pads(padding: Ints | str, kernel: Sequence[int], dilations: Sequence[int]) -> tuple[int, ...]:
    """All begins, then all ends; ``same`` is for stride 1 and puts the odd one at the end."""
    if padding == "same":
        totals = [d * (k - 1) for k, d in zip(kernel, dilations, strict=True)]
        return tuple(t // 2 for t in totals) + tuple(t - t // 2 for t in totals)
    return per_axis(0 if isinstance(padding, str) else padding, len(kernel)) * 2


@translates("conv1d", "conv2d", "conv3d")
def convolution(
    x: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Ints = 1,
    padding: Ints | str = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Value:
    rank = weight.type.rank - 2
    kernel = [k for k in weight.type.dims[2:] if isinstance(k, int)]
    dilations = per_axis(dilation, rank)

    def body(x: Value) -> Value:
        pads = _pads(padding, kernel, dilations)
        return Conv(x, weight, bias, per_axis(stride, rank), pads, dilations, groups)

    return batched(x, rank, body)


@translates("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def transposed_convolution(
    x: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
) -> Value:
    rank = weight.type.rank - 2

    def body(x: Value) -> Value:
        return ConvTranspose(
            x,
            weight,
            bias,
            strides=per_axis(stride, rank),
            pads=per_axis(padding, rank) * 2,
            dilations=per_axis(dilation, rank),
            group=groups,
            output_padding=per_axis(output_padding, rank),
        )

    return batched(x, rank, body)


@translates("convolution")
def any_convolution(
    x: Value,
    weight: Value,
    bias: Value | None,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    transposed: bool,
    output_padding: Ints,
    groups: int,
) -> Value:
    """The form of decomposed programs."""
    if transposed:
        return transposed_convolution(x, weight, bias, stride, padding, output_padding, groups, dilation)
    return convolution(x, weight, bias, stride, padding, dilation, groups)


@translates("im2col")
def unfold(x: Value, kernel_size: Ints, dilation: Ints, padding: Ints, stride: Ints) -> Value:
    """``F.unfold``: each place of the window becomes a channel, which is a convolution with one-hot kernels."""
    kernel = per_axis(kernel_size, 2)
    channels, places = x.type.dims[-3], int(np.prod(kernel))
    assert isinstance(channels, int)
    one_hot = np.tile(np.eye(places, dtype=x.type.dtype.numpy), (channels, 1)).reshape(-1, 1, *kernel)
    patches = convolution(x, Const(one_hot), None, stride, padding, dilation, channels)
    leading = [size_of(x, i) for i in range(x.type.rank - 3)]
    return reshape(patches, [*leading, channels * places, -1])
