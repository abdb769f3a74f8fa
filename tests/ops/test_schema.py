"""Fields are ONNX's: names, kinds and order of operands, names and defaults of attributes."""

from __future__ import annotations

import math
from typing import Any

import onnx
import pytest

import lissom.ir.ops  # noqa: F401  # fills OPS
from lissom.ir.op import OPS, Kind
from lissom.ir.types import DType

STANDARD = sorted(name for name, cls in OPS.items() if cls.domain != "lissom" and name != "Opaque")

ONNX_ONLY = {"kernel_shape": "the weight's shape says it"}
"""Attributes of ONNX that are no fields, in the ops that have a weight."""

OURS_ONLY = {
    "results_used": "ONNX counts the outputs a node lists",
    "dtype": "ONNX has it in the tensor that ConstantOfShape.value is",
}
"""Attribute fields that ONNX does not have."""

ABSENT: dict[str, Any] = {"num_heads": 0, "value": 0.0}
"""Defaults for attributes that may be absent in ONNX, other than None and ()."""

KINDS = {
    onnx.defs.OpSchema.FormalParameterOption.Single: Kind.operand,
    onnx.defs.OpSchema.FormalParameterOption.Optional: Kind.optional,
    onnx.defs.OpSchema.FormalParameterOption.Variadic: Kind.variadic,
}


def schema(name: str) -> onnx.defs.OpSchema:
    """The newest schema of the op."""
    return onnx.defs.get_schema(name, domain=OPS[name].domain)


def plain(proto: onnx.AttributeProto) -> Any:
    """A schema's default as Python has it; None where there is none."""
    if not proto.type:
        return None
    found = onnx.helper.get_attribute_value(proto)
    return found.decode() if isinstance(found, bytes) else tuple(found) if isinstance(found, list) else found


def equal(ours: Any, onnxs: Any) -> bool:
    if isinstance(ours, DType):
        return bool(onnx.helper.np_dtype_to_tensor_dtype(ours.numpy) == onnxs)
    if isinstance(onnxs, float):
        return math.isclose(ours, onnxs, rel_tol=1e-6)  # ONNX keeps float32
    return bool(ours == onnxs) or (ours is None and onnxs == 0)  # 0 is "no type" of the TensorProto enumeration


@pytest.mark.parametrize("name", STANDARD)
def test_operands(name: str) -> None:
    operands = [f for f in OPS[name].fields if f.kind is not Kind.attribute]
    assert [f.kind for f in operands] == [KINDS[i.option] for i in schema(name).inputs]


@pytest.mark.parametrize("name", STANDARD)
def test_attributes(name: str) -> None:
    known = schema(name).attributes
    ours = {f.name: f for f in OPS[name].fields if f.kind is Kind.attribute}
    assert ours.keys() - known.keys() <= OURS_ONLY.keys()
    assert known.keys() - ours.keys() <= ONNX_ONLY.keys()
    for attribute in known.keys() & ours.keys():
        field, default = ours[attribute], plain(known[attribute].default_value)
        if default is not None:
            assert not field.required
            assert equal(field.default, default), f"{attribute} is {field.default!r} by default, {default!r} in ONNX"
        elif known[attribute].required:
            assert field.required, f"{attribute} must be given in ONNX"
        else:
            assert field.default in (None, (), ABSENT.get(attribute)), f"{attribute} may be absent in ONNX"
