"""Constants as TensorProtos."""

from __future__ import annotations

from typing import BinaryIO

import onnx

from lissom.ir.importers.onnx.tensors import raw_bytes
from lissom.ir.importers.onnx.value_types import element_code
from lissom.ir.types import DType
from lissom.ir.values import Const

ALIGNMENT = 64
"""Where a tensor may begin in a data file: wide enough for every element type and vector unit."""


class Storage:
    """Where the bytes of tensors go. This one leaves them where they were: in the proto, or in a file beside it."""

    refers_to_old_files = True

    def put(self, const: Const, proto: onnx.TensorProto, lay_outside: bool) -> None:
        """Give ``proto``, which has type and shape, its data. ``lay_outside``: it refers to the file it came from."""
        if not lay_outside:
            proto.raw_data = raw_bytes(const.data)


class Inline(Storage):
    """Everything into the proto."""

    refers_to_old_files = False

    def put(self, const: Const, proto: onnx.TensorProto, lay_outside: bool) -> None:
        proto.ClearField("external_data")
        proto.ClearField("data_location")
        proto.raw_data = raw_bytes(const.data)


class Outside(Storage):
    """Tensors of at least ``threshold`` bytes, and those that lay outside before, into one file beside the model."""

    refers_to_old_files = False

    def __init__(self, file: BinaryIO, location: str, threshold: float) -> None:
        self.file = file
        self.location = location
        self.threshold = threshold
        self.size = 0

    def put(self, const: Const, proto: onnx.TensorProto, lay_outside: bool) -> None:
        proto.ClearField("external_data")
        proto.ClearField("data_location")
        data = raw_bytes(const.data)
        if not lay_outside and len(data) < self.threshold:
            proto.raw_data = data
            return
        padding = -self.size % ALIGNMENT
        self.file.write(b"\0" * padding)
        self.file.write(data)
        proto.ClearField("raw_data")
        proto.data_location = onnx.TensorProto.EXTERNAL
        entries = {"location": self.location, "offset": str(self.size + padding), "length": str(len(data))}
        for key, value in entries.items():
            proto.external_data.add(key=key, value=value)
        self.size += padding + len(data)


def write_tensor(const: Const, name: str, proto: onnx.TensorProto, storage: Storage) -> None:
    """Fill ``proto`` with the constant: as it was read where it was read from a tensor, else as raw data."""
    if isinstance(const.origin, onnx.TensorProto):
        proto.CopyFrom(const.origin)
        outside = proto.data_location == onnx.TensorProto.EXTERNAL
        if proto.HasField("raw_data") or outside:
            storage.put(const, proto, outside)
    else:
        proto.data_type = element_code(const.type.dtype)
        proto.dims.extend(const.data.shape)
        if const.type.dtype is DType.string:
            proto.string_data.extend(str(s).encode("utf-8", "surrogateescape") for s in const.data.reshape(-1))
        else:
            storage.put(const, proto, False)
    proto.name = name
