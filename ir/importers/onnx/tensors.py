"""Elements of TensorProtos as numpy arrays; what lies in files beside the model is memory-mapped."""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.descriptor import FieldDescriptor  # type: ignore[import-untyped]
from google.protobuf.message import Message  # type: ignore[import-untyped]
from onnx import numpy_helper

from lissom.ir.errors import Error, Unsupported
from lissom.ir.importers.onnx.value_types import ELEMENT_TYPES
from lissom.ir.types import Array, DType

STRIP_BYTES = 1024
"""Raw data of at least this many bytes is moved out of the record of the file: the constant holds it."""


def read_tensor(proto: onnx.TensorProto, folder: Path | None, what: str) -> Array:
    """The tensor's elements. ``what`` names it in messages; ``folder`` is where external data lies.

    Raises Error for data that does not fit the tensor's shape, or external data that cannot be read; Unsupported for
    an element type lissom does not know.
    """
    dtype = ELEMENT_TYPES.get(proto.data_type)
    if dtype is None:
        raise Unsupported(f"{what}: its element type, number {proto.data_type}, is not known")
    shape = tuple(proto.dims)
    if any(d < 0 for d in shape):
        raise Error(f"{what} has a negative size in its shape {list(shape)}; the file is damaged")
    if proto.data_location == onnx.TensorProto.EXTERNAL:
        return _external(proto, dtype, shape, folder, what)
    if proto.HasField("raw_data"):
        expected = (prod(shape) * dtype.bits + 7) // 8
        found = len(proto.raw_data)
        if found != expected:
            raise Error(f"{what}: shape {list(shape)} of {dtype} takes {expected} bytes, the file has {found}")
    if dtype is DType.string:
        return _strings(proto, shape, what)
    try:
        return np.asarray(numpy_helper.to_array(proto))
    except (ValueError, TypeError, KeyError, OverflowError, MemoryError) as e:
        raise Error(f"{what}: its data does not fit shape {list(shape)} of {dtype}: {e}") from None


def read_sparse(proto: onnx.SparseTensorProto, folder: Path | None, what: str) -> Array:
    """The elements of a sparse tensor, zeros included."""
    shape = tuple(proto.dims)
    values = read_tensor(proto.values, folder, f"the values of {what}")
    indices = read_tensor(proto.indices, folder, f"the indices of {what}").astype(np.int64)
    try:
        dense = np.zeros(shape, values.dtype)
        if indices.ndim == 2:
            dense[tuple(indices.T)] = values
        else:
            dense.reshape(-1)[indices] = values
    except (ValueError, IndexError, MemoryError) as e:
        raise Error(f"{what}: its indices do not fit shape {list(shape)}: {e}") from None
    return dense


def bring_inside(proto: Message, folder: Path | None) -> None:
    """Put the data of all tensors within ``proto`` that refer to files in ``folder`` into the proto."""
    for field, held in proto.ListFields():
        if field.type != FieldDescriptor.TYPE_MESSAGE:
            continue
        for inner in (held,) if isinstance(held, Message) else held:
            if isinstance(inner, onnx.TensorProto) and inner.data_location == onnx.TensorProto.EXTERNAL:
                data = raw_bytes(read_tensor(inner, folder, f"tensor {inner.name!r}"))
                inner.ClearField("external_data")
                inner.ClearField("data_location")
                inner.raw_data = data
            else:
                bring_inside(inner, folder)


def take_raw_data(proto: onnx.TensorProto) -> None:
    """Drop large raw data from a record; :func:`raw_bytes` of the array read from it gives it back."""
    if len(proto.raw_data) >= STRIP_BYTES and ELEMENT_TYPES[proto.data_type].bits >= 8:
        proto.raw_data = b""


def raw_bytes(array: Array) -> bytes:
    """The elements as TensorProto.raw_data holds them: little endian, sub-byte types packed."""
    if array.dtype.kind == "V" or array.dtype.num >= 256:  # types of ml_dtypes: the onnx package knows how to pack them
        return bytes(numpy_helper.from_array(np.ascontiguousarray(array)).raw_data)
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()


def _strings(proto: onnx.TensorProto, shape: tuple[int, ...], what: str) -> Array:
    if len(proto.string_data) != prod(shape):
        raise Error(f"{what}: shape {list(shape)} takes {prod(shape)} strings, the file has {len(proto.string_data)}")
    array = np.empty(len(proto.string_data), dtype=object)
    array[:] = [s.decode("utf-8", "surrogateescape") for s in proto.string_data]
    return array.reshape(shape)


def _external(proto: onnx.TensorProto, dtype: DType, shape: tuple[int, ...], folder: Path | None, what: str) -> Array:
    entries = {e.key: e.value for e in proto.external_data}
    location = entries.get("location", "")
    if folder is None:
        raise Error(f"{what} lies in the file {location!r} beside the model; load the model by its path, not its bytes")
    path = _inside(folder, location, what)
    try:
        offset, length = int(entries.get("offset", 0)), int(entries.get("length", -1))
    except ValueError:
        raise Error(f"{what}: the offset or length of its external data is not a number") from None
    needed = (prod(shape) * dtype.bits + 7) // 8
    if not path.is_file():
        raise Error(f"{what} lies in {path}, and there is no such file; put it beside the model")
    size = path.stat().st_size
    if length not in (-1, needed):
        raise Error(f"{what}: shape {list(shape)} of {dtype} takes {needed} bytes, its external data has {length}")
    if offset < 0 or offset + needed > size:
        raise Error(
            f"{what} takes bytes {offset} to {offset + needed} of {path}, which has only {size}; "
            "the file is cut short or belongs to another model"
        )
    if dtype is DType.string:
        raise Unsupported(f"{what}: strings cannot be stored as external data")
    if needed == 0:
        return np.zeros(shape, dtype.numpy)
    if dtype.bits < 8:
        inline = onnx.TensorProto(data_type=proto.data_type, dims=shape)
        with path.open("rb") as file:
            file.seek(offset)
            inline.raw_data = file.read(needed)
        return np.asarray(numpy_helper.to_array(inline))
    data = np.memmap(path, np.uint8, "r", offset, (needed,))
    return data.view(dtype.numpy.newbyteorder("<") if dtype.numpy.isbuiltin == 1 else dtype.numpy).reshape(shape)


def _inside(folder: Path, location: str, what: str) -> Path:
    """The path of an external file, which must not lead out of the model's folder."""
    path = (folder / location).resolve()
    if not location or not path.is_relative_to(folder.resolve()):
        raise Error(f"{what} lies in {location!r}, which is outside the model's folder {folder}; this is not allowed")
    return path
