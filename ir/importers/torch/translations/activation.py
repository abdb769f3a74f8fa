"""Activations of torch.nn."""

from __future__ import annotations

import torch

from lissom.ir.importers.torch.operands import Number, axis_of, cast, floating, like, reshape
from lissom.ir.importers.torch.registry import translates
from lissom.ir.ops.celu import Celu
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.div import Div
from lissom.ir.ops.elu import Elu
from lissom.ir.ops.gelu import Gelu
from lissom.ir.ops.greater import Greater
from lissom.ir.ops.hard_sigmoid import HardSigmoid
from lissom.ir.ops.hard_swish import HardSwish
from lissom.ir.ops.leaky_relu import LeakyRelu
from lissom.ir.ops.log_softmax import LogSoftmax
from lissom.ir.ops.mish import Mish
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.neg import Neg
from lissom.ir.ops.prelu import PRelu
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.selu import Selu
from lissom.ir.ops.shrink import Shrink
from lissom.ir.ops.sigmoid import Sigmoid
from lissom.ir.ops.softmax import Softmax
from lissom.ir.ops.softplus import Softplus
from lissom.ir.ops.softsign import Softsign
from lissom.ir.ops.split import Split
from lissom.ir.ops.sub import Sub
from lissom.ir.ops.tanh import Tanh
from lissom.ir.ops.thresholded_relu import ThresholdedRelu
from lissom.ir.ops.where import Where
from lissom.ir.values import Value


@translates("relu")
def relu(x: Value) -> Value:
    return Relu(x)


@translates("relu6")
def relu6(x: Value) -> Value:
    return hardtanh(x, 0, 6)


@translates("hardtanh")
def hardtanh(x: Value, min_val: Number = -1, max_val: Number = 1) -> Value:
    return Clip(x, like(x, min_val), like(x, max_val))


@translates("leaky_relu")
def leaky_relu(x: Value, negative_slope: float = 0.01) -> Value:
    return LeakyRelu(x, alpha=negative_slope)


@translates("rrelu")
def rrelu(
    x: Value, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, generator: object = None
) -> Value:
    """In eval mode, the mean of the slopes it draws in training."""
    return LeakyRelu(x, alpha=(lower + upper) / 2)


@translates("prelu")
def prelu(x: Value, weight: Value) -> Value:
    count = weight.type.size()
    trailing = max(x.type.rank - 2, 0)
    return PRelu(x, weight if not trailing else reshape(weight, [count, *[1] * trailing]))


@translates("elu")
def elu(x: Value, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Value:
    if input_scale != 1:
        return Where(
            Greater(x, like(x, 0)),
            Mul(x, like(x, scale)),
            Mul(elu(Mul(x, like(x, input_scale)), alpha), like(x, scale)),
        )
    y = Elu(x, alpha=alpha)
    return y if scale == 1 else Mul(y, like(y, scale))


@translates("selu")
def selu(x: Value) -> Value:
    return Selu(x)


@translates("celu")
def celu(x: Value, alpha: float = 1.0) -> Value:
    return Celu(x, alpha=alpha)


@translates("gelu")
def gelu(x: Value, *, approximate: str = "none") -> Value:
    return Gelu(x, approximate="tanh" if approximate == "tanh" else "none")


@translates("silu")
def silu(x: Value) -> Value:
    return Mul(x, Sigmoid(x))


@translates("mish")
def mish(x: Value) -> Value:
    return Mish(x)


@translates("hardswish")
def hardswish(x: Value) -> Value:
    return HardSwish(x)


@translates("hardsigmoid")
def hardsigmoid(x: Value) -> Value:
    return HardSigmoid(x, alpha=1 / 6, beta=0.5)


@translates("sigmoid")
def sigmoid(x: Value) -> Value:
    return Sigmoid(floating(x))


@translates("tanh")
def tanh(x: Value) -> Value:
    return Tanh(floating(x))


@translates("softplus")
def softplus(x: Value, beta: Number = 1, threshold: Number = 20) -> Value:
    """Above the threshold PyTorch returns x itself, which a high threshold leaves to rounding."""
    scaled = x if beta == 1 else Mul(x, like(x, beta))
    y = Softplus(scaled) if beta == 1 else Div(Softplus(scaled), like(x, beta))
    return y if threshold >= 17 else Where(Greater(scaled, like(x, threshold)), x, y)


@translates("softsign")
def softsign(x: Value) -> Value:
    return Softsign(x)


@translates("tanhshrink")
def tanhshrink(x: Value) -> Value:
    return Sub(x, Tanh(x))


@translates("softshrink")
def softshrink(x: Value, lambd: Number = 0.5) -> Value:
    return Shrink(x, bias=float(lambd), lambd=float(lambd))


@translates("hardshrink")
def hardshrink(x: Value, lambd: Number = 0.5) -> Value:
    return Shrink(x, bias=0.0, lambd=float(lambd))


@translates("log_sigmoid")
def log_sigmoid(x: Value) -> Value:
    return Neg(Softplus(Neg(x)))


@translates("threshold")
def threshold(x: Value, threshold: Number, value: Number) -> Value:
    if value == 0:
        return ThresholdedRelu(x, alpha=float(threshold))
    return Where(Greater(x, like(x, threshold)), x, like(x, value))


@translates("glu")
def glu(x: Value, dim: int = -1) -> Value:
    a, b = Split(x, None, axis_of(x, dim), num_outputs=2).results
    return Mul(a, Sigmoid(b))


@translates("softmax", "_softmax", "_safe_softmax")
def softmax(x: Value, dim: int, dtype: torch.dtype | bool | None = None) -> Value:
    x = floating(cast(x, dtype if isinstance(dtype, torch.dtype) else None))
    return Softmax(x, axis=axis_of(x, dim))


@translates("log_softmax", "_log_softmax")
def log_softmax(x: Value, dim: int, dtype: torch.dtype | bool | None = None) -> Value:
    x = floating(cast(x, dtype if isinstance(dtype, torch.dtype) else None))
    return LogSoftmax(x, axis=axis_of(x, dim))


@translates("logit")
def logit(x: Value, eps: float | None = None) -> Value:
    from lissom.ir.ops.log import Log

    if eps is not None:
        x = Clip(x, like(x, eps), like(x, 1 - eps))
    return Log(Div(x, Sub(like(x, 1), x)))
