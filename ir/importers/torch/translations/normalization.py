"""Normalizations, whole: running statistics and affine parameters stay operands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from lissom.ir.errors import Unsupported
from lissom.ir.importers.torch.operands import Size
from lissom.ir.importers.torch.registry import translates
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.group_normalization import GroupNormalization
from lissom.ir.ops.instance_normalization import InstanceNormalization
from lissom.ir.ops.layer_normalization import LayerNormalization
from lissom.ir.ops.rms_normalization import RMSNormalization
from lissom.ir.values import Const, Value


def _channels(x: Value) -> int:
    channels = x.type.dims[1]
    if not isinstance(channels, int):
        raise Unsupported(f"a normalization over {channels} channels; their number must be known")
    return channels


def _full(given: Value | None, shape: Sequence[int], x: Value, value: float) -> Value:
    """The operand, or a constant for one that is absent: ONNX has no normalization without scale."""
    return Const(np.full(shape, value, dtype=x.type.dtype.numpy)) if given is None else given


@translates("batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm")
def batch_norm(
    x: Value,
    weight: Value | None,
    bias: Value | None,
    running_mean: Value | None,
    running_var: Value | None,
    *rest: bool | float,
) -> Value | tuple[Value]:
    """``rest`` is training, momentum, epsilon and cudnn, or momentum and epsilon in decomposed programs."""
    whole = isinstance(rest[0], bool)
    training = whole and bool(rest[0])
    momentum, epsilon = rest[1:3] if whole else rest
    size = [_channels(x)]
    y = BatchNormalization(
        x,
        _full(weight, size, x, 1),
        _full(bias, size, x, 0),
        _full(running_mean, size, x, 0),
        _full(running_var, size, x, 1),
        epsilon=epsilon,
        momentum=round(1 - momentum, 12),
        training_mode=training,
    )
    return y if whole else (y,)


@translates("instance_norm")
def instance_norm(
    x: Value,
    weight: Value | None,
    bias: Value | None,
    running_mean: Value | None,
    running_var: Value | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Value:
    if not use_input_stats:
        y = batch_norm(x, weight, bias, running_mean, running_var, False, momentum, eps, False)
        assert isinstance(y, Value)
        return y
    size = [_channels(x)]
    return InstanceNormalization(x, _full(weight, size, x, 1), _full(bias, size, x, 0), epsilon=eps)


@translates("layer_norm")
def layer_norm(
    x: Value,
    normalized_shape: Sequence[int],
    weight: Value | None = None,
    bias: Value | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Value:
    return LayerNormalization(
        x, _full(weight, normalized_shape, x, 1), bias, axis=x.type.rank - len(normalized_shape), epsilon=eps
    )


@translates("group_norm")
def group_norm(
    x: Value,
    num_groups: int,
    weight: Value | None = None,
    bias: Value | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Value:
    size = [_channels(x)]
    return GroupNormalization(x, _full(weight, size, x, 1), _full(bias, size, x, 0), num_groups=num_groups, epsilon=eps)


@translates("rms_norm")
def rms_norm(x: Value, normalized_shape: Sequence[int], weight: Value | None = None, eps: float | None = None) -> Value:
    if eps is None:
        eps = torch.finfo(x.type.dtype.torch).eps
    axis = x.type.rank - len(normalized_shape)
    return RMSNormalization(x, _full(weight, normalized_shape, x, 1), axis=axis, epsilon=eps)


# The forms of decomposed programs, which return statistics for the backward pass too; nothing else reads these.


@translates("native_layer_norm")
def native_layer_norm(
    x: Value, normalized_shape: Sequence[int], weight: Value | None, bias: Value | None, eps: float
) -> tuple[Value]:
    return (layer_norm(x, normalized_shape, weight, bias, eps),)


@translates("native_group_norm")
def native_group_norm(
    x: Value, weight: Value | None, bias: Value | None, n: Size, c: Size, area: Size, group: int, eps: float
) -> tuple[Value]:
    return (group_norm(x, group, weight, bias, eps),)


@translates("_native_batch_norm_legit.no_stats")
def batch_norm_of_batch(
    x: Value, weight: Value | None, bias: Value | None, training: bool, momentum: float, eps: float
) -> tuple[Value]:
    y = batch_norm(x, weight, bias, None, None, training, momentum, eps, False)
    assert isinstance(y, Value)
    return (y,)
