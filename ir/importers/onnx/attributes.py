"""AttributeProtos as Python values, and back."""

from __future__ import annotations

from typing import Any

import onnx
from onnx import helper

from lissom.ir.importers.onnx.tensors import read_tensor

_A = onnx.AttributeProto


def read_attribute(proto: onnx.AttributeProto) -> Any:
    """The attribute's value: a number, a string, a tuple of them, an array; the proto itself for anything else."""
    if proto.ref_attr_name:
        return proto
    match proto.type:
        case _A.FLOAT:
            return float(proto.f)
        case _A.INT:
            return int(proto.i)
        case _A.STRING:
            return _text(proto.s)
        case _A.FLOATS:
            return tuple(map(float, proto.floats))
        case _A.INTS:
            return tuple(map(int, proto.ints))
        case _A.STRINGS:
            return tuple(map(_text, proto.strings))
        case _A.TENSOR:
            return read_tensor(proto.t, None, f"the tensor in attribute {proto.name!r}")
    return proto


def freeze_attribute(proto: onnx.AttributeProto) -> Any:
    """A value that :func:`thaw_attribute` turns into the same proto: plain where that loses nothing, else bytes."""
    if proto.type in (_A.FLOAT, _A.INT, _A.STRING, _A.FLOATS, _A.INTS, _A.STRINGS):
        value = read_attribute(proto)
        plain = not isinstance(value, onnx.AttributeProto | bytes) and value != ()
        if plain and thaw_attribute(proto.name, value) == proto:
            return value
    return proto.SerializeToString(deterministic=True)


def thaw_attribute(name: str, value: Any) -> onnx.AttributeProto:
    """The attribute that :func:`freeze_attribute` made ``value`` of."""
    if isinstance(value, bytes):
        proto = _A()
        proto.ParseFromString(value)
        return proto
    made: onnx.AttributeProto = helper.make_attribute(name, value)
    return made


def _text(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
