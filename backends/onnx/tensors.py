"""Constants as TensorProtos."""

from __future__ import annotations

import onnx

from lissom.ir.importers.onnx.tensors import raw_bytes
from lissom.ir.importers.onnx.value_types import element_code
from lissom.ir.types import DType
from lissom.ir.values import Const


def write_tensor(const: Const, name: str, proto: onnx.TensorProto, inline: bool) -> None:
    """Fill ``proto`` with the constant: as it was read where it was read from a tensor, else as raw data.

    ``inline`` replaces a reference to a file by the data.
    """
    if isinstance(const.origin, onnx.TensorProto):
        proto.CopyFrom(const.origin)
        proto.name = name
        external = proto.data_location == onnx.TensorProto.EXTERNAL
        if external and inline:
            proto.ClearField("external_data")
            proto.ClearField("data_location")
        if (external and inline) or (proto.HasField("raw_data") and not proto.raw_data and not external):
            proto.raw_data = raw_bytes(const.data)
        return
    proto.name = name
    proto.data_type = element_code(const.type.dtype)
    proto.dims.extend(const.data.shape)
    if const.type.dtype is DType.string:
        proto.string_data.extend(str(s).encode("utf-8", "surrogateescape") for s in const.data.reshape(-1))
    else:
        proto.raw_data = raw_bytes(const.data)
