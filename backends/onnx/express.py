"""An op as a node of the default domain at a given opset: the importer's mapping, the other way round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from lissom.ir.importers.onnx.attributes import read_attribute
from lissom.ir.importers.onnx.schema import schema, type_names
from lissom.ir.importers.onnx.upgrade import meaning_since
from lissom.ir.importers.onnx.value_types import element_code, schema_type
from lissom.ir.op import Kind, Op
from lissom.ir.types import Array, DType
from lissom.ir.values import Const, Value

NEUTRAL = {"strides": 1, "dilations": 1, "pads": 0, "output_padding": 0}
"""Defaults that the standard states in words only: this number for each spatial axis."""


@dataclass
class Expressed:
    """Inputs by position, None for one that is left out, and attributes."""

    inputs: Sequence[Value | None]
    attributes: list[onnx.AttributeProto]


def express(op: Op, opset: int) -> Expressed | str:
    """The node that ``op`` is at ``opset``, or why that opset cannot express it."""
    found = schema(op.op_type, opset)
    if found is None or found.deprecated:
        return f"opset {opset} has no op {op.op_type}"
    if opset < meaning_since(op.op_type):
        return f"{op.op_type} meant something else before opset {meaning_since(op.op_type)}"
    inputs: list[Value | None] = []
    attributes: list[onnx.AttributeProto] = []
    for f in type(op).fields:
        held = getattr(op, f.name)
        spec = found.attributes.get(f.name)
        if f.kind is Kind.variadic:
            inputs += held
        elif f.kind is not Kind.attribute:
            if spec is None:
                inputs.append(held)
            elif isinstance(held, Const):
                attributes.append(_from_constant(f.name, held.data, spec))
            elif held is not None:
                return f"opset {opset} takes {f.name} as an attribute, and it is computed"
        elif f.name in NEUTRAL and held and set(held) == {NEUTRAL[f.name]}:
            continue
        elif spec is not None:
            if not _is_default(op, held, spec, f.default):
                attributes.append(_attribute(f.name, held, spec, op))
        elif f.name not in ("results_used", "dtype") and held != f.default:
            return f"opset {opset} has no {f.name} for {op.op_type}"
    while inputs and inputs[-1] is None:
        inputs.pop()
    if len(inputs) > found.max_input:
        return f"opset {opset} has no input {len(inputs)} for {op.op_type}"
    for side, values in (("input", inputs), ("output", op.results)):
        for position, value in enumerate(values):
            dtype = DType.unknown if value is None else value.type.dtype
            if dtype is not DType.unknown and schema_type(dtype) not in type_names(op.op_type, opset, side, position):
                return f"opset {opset} has no {op.op_type} with an {side} of {dtype}"
    for name, spec in found.attributes.items():
        if isinstance(getattr(type(op), name, None), property):  # what the op derives and ONNX spells out: kernel_shape
            attributes.append(_attribute(name, getattr(op, name), spec, op))
    return Expressed(inputs, sorted(attributes, key=lambda a: a.name))


def _code(spec: onnx.defs.OpSchema.Attribute) -> int:
    """The attribute's type as AttributeProto counts it."""
    return int(spec.type.value)  # type: ignore[attr-defined]  # the stub does not know that it is an enum


def _is_default(op: Op, held: Any, spec: onnx.defs.OpSchema.Attribute, fallback: Any) -> bool:
    if spec.required or (_code(spec) == onnx.AttributeProto.TENSOR and op.type.dtype is not DType.float32):
        return False
    if not spec.default_value.type:
        return _equal(held, fallback)
    default = read_attribute(spec.default_value)
    if held is None:
        return True
    if isinstance(held, DType):
        return bool(element_code(held) == default)
    if isinstance(held, float) and isinstance(default, float):
        return bool(np.float32(held) == np.float32(default))
    return _equal(held, default)


def _equal(a: object, b: object) -> bool:
    return bool(a == b)


def _attribute(name: str, held: Any, spec: onnx.defs.OpSchema.Attribute, op: Op) -> onnx.AttributeProto:
    kind = _code(spec)
    if kind == onnx.AttributeProto.TENSOR:
        dtype: DType = getattr(op, "dtype")  # noqa: B009  # a field of ConstantOfShape
        return helper.make_attribute(name, numpy_helper.from_array(np.array([held], dtype.numpy), name))
    if isinstance(held, DType):
        held = element_code(held)
    elif isinstance(held, bool):
        held = int(held)
    return helper.make_attribute(name, held, attr_type=kind)


def _from_constant(name: str, data: Array, spec: onnx.defs.OpSchema.Attribute) -> onnx.AttributeProto:
    kind = _code(spec)
    if kind == onnx.AttributeProto.TENSOR:
        return helper.make_attribute(name, numpy_helper.from_array(np.ascontiguousarray(data), name))
    if kind in (onnx.AttributeProto.FLOAT, onnx.AttributeProto.INT):
        return helper.make_attribute(name, data.reshape(()).item(), attr_type=kind)
    return helper.make_attribute(name, data.reshape(-1).tolist(), attr_type=kind)
