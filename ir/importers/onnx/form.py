"""A node on its way to becoming an op: the form it has in the file, and the mapping of that form to an op class.

The mapping is read off the operator schema: inputs go to operand fields by position, attributes to fields by name; an
attribute that newer opsets made an input becomes a constant.
"""

from __future__ import annotations

import typing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx

from lissom.ir.errors import Unsupported
from lissom.ir.importers.onnx.attributes import read_attribute
from lissom.ir.importers.onnx.schema import NEWEST, OLDEST, same_schema, schema
from lissom.ir.importers.onnx.value_types import ELEMENT_TYPES
from lissom.ir.op import Field, Kind, Op
from lissom.ir.types import DType, dtype_of
from lissom.ir.values import Const, Value


@dataclass
class Form:
    """What a node of the default domain says. Upgrades change it, or build the ops it stands for."""

    kind: str
    opset: int
    inputs: list[Value | None]
    attributes: dict[str, Any]
    outputs: tuple[str, ...]
    name: str = ""
    defaults: dict[str, Any] = field(default_factory=dict)
    """Attributes the node leaves out that have a default at its opset."""

    def operand(self, position: int) -> Value | None:
        """The input at ``position``; None where it is left out."""
        return self.inputs[position] if position < len(self.inputs) else None

    def required(self, position: int) -> Value:
        """The input at ``position``; raises Unsupported where it is left out."""
        value = self.operand(position)
        if value is None:
            raise Unsupported(f"{self.kind} without input {position}")
        return value

    def attribute(self, name: str, default: Any = None) -> Any:
        """The attribute's value, its default at the node's opset where the node leaves it out."""
        return self.attributes.get(name, self.defaults.get(name, default))


def read_form(node: onnx.NodeProto, opset: int, inputs: list[Value | None]) -> Form:
    """The form of a node of the default domain; raises Unsupported for an op that its opset does not have."""
    found = schema(node.op_type, opset)
    if found is None:
        raise Unsupported(f"opset {opset} has no op {node.op_type}")
    if opset < OLDEST and not same_schema(node.op_type, opset, OLDEST):
        raise Unsupported(f"{node.op_type} of opset {opset}")
    attributes = {a.name: read_attribute(a) for a in node.attribute}
    defaults = {
        name: read_attribute(a.default_value)
        for name, a in found.attributes.items()
        if a.default_value.type and name not in attributes
    }
    return Form(node.op_type, opset, inputs, attributes, tuple(node.output), defaults=defaults)


def build_op(cls: type[Op], form: Form) -> Op:
    """The op of class ``cls`` that ``form`` describes, detached.

    Raises Unsupported for anything in the form that the class has no field for, TypeMismatch where operands do not fit.
    """
    given: dict[str, Any] = {}
    left = dict(form.attributes)
    position = 0
    for f in cls.fields:
        if f.kind is Kind.variadic:
            given[f.name] = tuple(form.inputs[position:])
            position = max(position, len(form.inputs))
        elif f.kind is Kind.attribute:
            if f.name == "results_used":
                given[f.name] = len(form.outputs)
            elif f.name in left or f.name in form.defaults:
                value = _fit(f, left.pop(f.name, form.defaults.get(f.name)))
                if (
                    isinstance(value, np.ndarray)
                    and value.size == 1
                    and any(other.name == "dtype" for other in cls.fields)
                ):
                    # ConstantOfShape: a tensor of one element is a number and its element type
                    given[f.name], given["dtype"] = value.item(), dtype_of(value)
                elif value is not None:
                    given[f.name] = value
        elif f.name in left:
            given[f.name] = _constant(form, f, left.pop(f.name))
        elif f.kind is Kind.operand:
            given[f.name] = form.required(position)
            position += 1
        else:
            given[f.name] = form.operand(position)
            position += 1
    if any(v is not None for v in form.inputs[position:]):
        raise Unsupported(f"{form.kind} with {len(form.inputs)} inputs")
    op = cls(**given)
    for name, value in left.items():
        derived = getattr(op, name, None) if isinstance(getattr(cls, name, None), property) else None
        if value not in (_default(form, name), derived):
            raise Unsupported(f"{form.kind} with {name} = {value!r}")
    if sum(1 for o in form.outputs[len(op.results) :] if o):
        raise Unsupported(f"{form.kind} with {len(form.outputs)} outputs")
    return op


def _default(form: Form, name: str) -> Any:
    found = schema(form.kind, form.opset)
    attribute = found.attributes.get(name) if found else None
    return read_attribute(attribute.default_value) if attribute and attribute.default_value.type else None


def _fit(f: Field, value: Any) -> Any:
    """An element type where the field holds one; None where the number stands for `not given`."""
    if f.hint is DType or DType in typing.get_args(f.hint):
        if value == 0:
            return None
        if value not in ELEMENT_TYPES:
            raise Unsupported(f"element type number {value}")
        return ELEMENT_TYPES[value]
    return value


def _constant(form: Form, f: Field, value: Any) -> Const:
    """The constant operand that newer opsets have in place of an attribute."""
    name = f"{form.name}.{f.name}" if form.name else f.name
    if isinstance(value, np.ndarray):
        return Const(value, name)
    if isinstance(value, float):
        return Const(np.array(value, _float_type(form, f.name).numpy), name)
    if isinstance(value, int):
        return Const(np.array([value], np.int64), name)
    if isinstance(value, tuple) and all(isinstance(v, int) for v in value):
        return Const(np.array(value, np.int64), name)
    if isinstance(value, tuple) and all(isinstance(v, float) for v in value):
        return Const(np.array(value, np.float32), name)
    raise Unsupported(f"{form.kind} with {f.name} = {value!r}")


def _float_type(form: Form, name: str) -> DType:
    """float32, unless the newest schema asks for the type of the first operand."""
    newest = schema(form.kind, NEWEST)
    first = form.operand(0)
    if newest is not None and first is not None:
        for i in newest.inputs:
            if i.name.lower() == name and i.type_str == newest.inputs[0].type_str:
                return first.type.dtype
    return DType.float32
