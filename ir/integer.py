"""Base of the integer ops: each is the quantized form of a float op, which gives its geometry and its QDQ spelling.

Operands come as (tensor, scale, zero point) triples in the field order of ONNX's QLinearConv; ``y_scale`` and
``y_zero_point`` describe the result. Every op here means what its ``run`` computes, bit for bit, on every target.
"""

from __future__ import annotations

from lissom.ir.op import Op
from lissom.ir.quantization import require_quantized
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Input, Value


class IntegerOp(Op, abstract=True):
    """An op on quantized tensors. Subclasses define ``triples``, ``y_parameters`` and ``real``."""

    domain = "lissom"

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
        from lissom.ir.ops.dequantize_linear import DequantizeLinear
        from lissom.ir.ops.quantize_linear import QuantizeLinear

        operands = (DequantizeLinear(t, s, z, axis=self.channel_axis(t)) for t, s, z in self.triples())
        return QuantizeLinear(self.real(*operands), *self.y_parameters())

    def channel_axis(self, tensor: Value) -> int:
        """The axis of ``tensor`` that a scale with several elements belongs to."""
        return 0
