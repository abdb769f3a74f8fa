"""Base of the integer ops: each is the quantized form of a float op, which gives its geometry and its QDQ spelling.

Operands come as (tensor, scale, zero point) triples in the field order of ONNX's QLinearConv; ``y_scale`` and
``y_zero_point`` describe the result. Every op here means what its ``run`` computes, bit for bit, on every target.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch

from lissom.ir.families.quantization import require_quantized, saturate
from lissom.ir.op import Op
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Const, Input, Value


class IntegerOp(Op, abstract=True):
    """An op on quantized tensors. Subclasses define ``triples``, ``y_parameters`` and ``real``."""

    domain = "lissom"
    frozen = "its numbers are integers that are decided on already; prune before quantizing"

    def triples(self) -> tuple[tuple[Value, Value, Value], ...]:
        """(tensor, scale, zero point) of each quantized operand."""
        raise NotImplementedError

    def y_parameters(self) -> tuple[Value, Value]:
        """Scale and zero point of the result."""
        raise NotImplementedError

    def real(self, *operands: Value) -> Op:
        """The float op this one is the integer form of, on dequantized operands."""
        raise NotImplementedError

    def infer(self) -> TensorType:
        for tensor, scale, zero_point in self.triples():
            require_quantized(self, tensor, scale, zero_point, tensor.name or "an operand")
        return TensorType(self.y_parameters()[1].type.dtype, self.twin().type.shape)

    def twin(self) -> Op:
        """The float op on stand-ins for the operands: their shapes, float32."""
        stand_ins = (Input(t.name or "x", TensorType(DType.float32, t.type.shape)) for t, _, _ in self.triples())
        return self.real(*stand_ins)

    def macs(self) -> int:
        return self.twin().macs()

    def as_qdq(self) -> Value:
        """The op spelled with QuantizeLinear, DequantizeLinear and the float op: what other tools read."""
        # The package of ops imports this module: it can only be asked for once everything is loaded.
        from lissom.ir.ops.dequantize_linear import DequantizeLinear
        from lissom.ir.ops.quantize_linear import QuantizeLinear

        operands = (DequantizeLinear(t, s, z, axis=self.channel_axis(t)) for t, s, z in self.triples())
        return QuantizeLinear(self.real(*operands), *self.y_parameters())

    def channel_axis(self, tensor: Value) -> int:
        """The axis of ``tensor`` that a scale with several elements belongs to."""
        return 0


class UnaryInteger(IntegerOp, abstract=True):
    """An integer op with one quantized operand."""

    x: Value
    x_scale: Value
    x_zero_point: Value
    y_scale: Value
    y_zero_point: Value

    def triples(self) -> tuple[tuple[Value, Value, Value], ...]:
        return ((self.x, self.x_scale, self.x_zero_point),)

    def y_parameters(self) -> tuple[Value, Value]:
        return self.y_scale, self.y_zero_point


class BinaryInteger(IntegerOp, abstract=True):
    """An integer op with two quantized operands."""

    a: Value
    a_scale: Value
    a_zero_point: Value
    b: Value
    b_scale: Value
    b_zero_point: Value
    y_scale: Value
    y_zero_point: Value

    def triples(self) -> tuple[tuple[Value, Value, Value], ...]:
        return ((self.a, self.a_scale, self.a_zero_point), (self.b, self.b_scale, self.b_zero_point))

    def y_parameters(self) -> tuple[Value, Value]:
        return self.y_scale, self.y_zero_point


class ScaledSum(BinaryInteger, abstract=True):
    """y = saturate(round_half_even((a - za) * (sa / sy) + sign * (b - zb) * (sb / sy)) + zy), with broadcasting.

    In float32: two ratios, two products, one sum, each rounded on its own.
    """

    sign: ClassVar[int]

    def run(
        self,
        a: torch.Tensor,
        a_scale: torch.Tensor,
        a_zero_point: torch.Tensor,
        b: torch.Tensor,
        b_scale: torch.Tensor,
        b_zero_point: torch.Tensor,
        y_scale: torch.Tensor,
        y_zero_point: torch.Tensor,
    ) -> torch.Tensor:
        left = (a.float() - a_zero_point.float()) * (a_scale / y_scale)
        right = (b.float() - b_zero_point.float()) * (b_scale / y_scale)
        return saturate(torch.round(left + self.sign * right) + y_zero_point.float(), self.type.dtype)


class WeightedInteger(IntegerOp, abstract=True):
    """An integer op with a quantized operand, quantized weights and an int32 bias of scale ``x_scale * w_scale``."""

    x: Value
    x_scale: Value
    x_zero_point: Value
    w: Value
    w_scale: Value
    w_zero_point: Value
    y_scale: Value
    y_zero_point: Value
    b: Value | None = None

    def triples(self) -> tuple[tuple[Value, Value, Value], ...]:
        return ((self.x, self.x_scale, self.x_zero_point), (self.w, self.w_scale, self.w_zero_point))

    def y_parameters(self) -> tuple[Value, Value]:
        return self.y_scale, self.y_zero_point

    def real_bias(self) -> Value | None:
        """The bias as the float op reads it."""
        from lissom.ir.ops.dequantize_linear import DequantizeLinear
        from lissom.ir.ops.mul import Mul

        if self.b is None:
            return None
        if isinstance(self.x_scale, Const) and isinstance(self.w_scale, Const):
            product = self.x_scale.data.astype(np.float32).reshape(()) * self.w_scale.data.astype(np.float32)
            return DequantizeLinear(self.b, Const(product), axis=0)
        return DequantizeLinear(self.b, Mul(self.x_scale, self.w_scale), axis=0)
