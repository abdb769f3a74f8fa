"""ONNX value types and element types to lissom's, and back."""

from __future__ import annotations

import onnx

from lissom.ir.dims import Dim, SymDim, symbol, symbols
from lissom.ir.errors import Unsupported
from lissom.ir.types import DType, TensorType
from lissom.ir.unknown import is_unknown

_T = onnx.TensorProto

ELEMENT_TYPES: dict[int, DType] = {
    _T.FLOAT: DType.float32,
    _T.DOUBLE: DType.float64,
    _T.FLOAT16: DType.float16,
    _T.BFLOAT16: DType.bfloat16,
    _T.INT8: DType.int8,
    _T.INT16: DType.int16,
    _T.INT32: DType.int32,
    _T.INT64: DType.int64,
    _T.UINT8: DType.uint8,
    _T.UINT16: DType.uint16,
    _T.UINT32: DType.uint32,
    _T.UINT64: DType.uint64,
    _T.BOOL: DType.bool,
    _T.STRING: DType.string,
    _T.COMPLEX64: DType.complex64,
    _T.COMPLEX128: DType.complex128,
    _T.INT4: DType.int4,
    _T.UINT4: DType.uint4,
    _T.FLOAT8E4M3FN: DType.float8e4m3fn,
    _T.FLOAT8E4M3FNUZ: DType.float8e4m3fnuz,
    _T.FLOAT8E5M2: DType.float8e5m2,
    _T.FLOAT8E5M2FNUZ: DType.float8e5m2fnuz,
}
# Element types of later releases of the onnx package, by the name they have there.
for _name, _dtype in {
    "FLOAT4E2M1": DType.float4e2m1fn,
    "FLOAT8E8M0": DType.float8e8m0fnu,
    "INT2": DType.int2,
    "UINT2": DType.uint2,
}.items():
    if _name in _T.DataType.keys():  # noqa: SIM118  # an enum wrapper, not a dict
        ELEMENT_TYPES[_T.DataType.Value(_name)] = _dtype

ELEMENT_CODES: dict[DType, int] = {dtype: code for code, dtype in ELEMENT_TYPES.items()}

_SCHEMA_NAMES = {DType.float32: "float", DType.float64: "double", DType.float4e2m1fn: "float4e2m1"}
_SCHEMA_NAMES[DType.float8e8m0fnu] = "float8e8m0"


def schema_type(dtype: DType) -> str:
    """The element type as operator schemas spell it: ``tensor(float)``."""
    return f"tensor({_SCHEMA_NAMES.get(dtype, dtype.name)})"


def element_code(dtype: DType) -> int:
    """The TensorProto data type of an element type; raises Unsupported where ONNX has none."""
    if dtype not in ELEMENT_CODES:
        raise Unsupported(f"ONNX has no tensors with elements of type {dtype}")
    return ELEMENT_CODES[dtype]


NO_NAMES = ("", "?")
"""What exporters write where they know no size; two axes called so need not be equal."""


def read_type(proto: onnx.TypeProto, name: str) -> TensorType:
    """The type of the value ``name``; ``unknown`` for what is not a dense tensor.

    A dim without a name or number, or called "?", becomes a symbol of its own, called after the value and the axis.
    """
    if proto.WhichOneof("value") != "tensor_type":
        return TensorType(DType.unknown, None)
    tensor = proto.tensor_type
    dtype = ELEMENT_TYPES.get(tensor.elem_type, DType.unknown)
    if not tensor.HasField("shape"):
        return TensorType(dtype, None)
    return TensorType(dtype, tuple(_read_dim(d, f"{name}_{i}") for i, d in enumerate(tensor.shape.dim)))


def _read_dim(proto: onnx.TensorShapeProto.Dimension, fresh: str) -> Dim:
    match proto.WhichOneof("value"):
        case "dim_value" if proto.dim_value >= 0:
            return int(proto.dim_value)
        case "dim_param" if proto.dim_param not in NO_NAMES:
            # The names of sizes that only data decide are ours to give.
            return symbol(f"{proto.dim_param}_" if is_unknown(proto.dim_param) else proto.dim_param)
    return symbol(fresh)


def write_type(type: TensorType, proto: onnx.TypeProto) -> None:
    """Make ``proto`` say ``type``; raises Unsupported for a value that is not a tensor."""
    tensor = proto.tensor_type
    tensor.Clear()
    tensor.elem_type = element_code(type.dtype)
    if type.shape is None:
        return
    tensor.shape.SetInParent()
    for d in type.shape:
        dim = tensor.shape.dim.add()
        if isinstance(d, SymDim):
            names = symbols(d)
            if not any(map(is_unknown, names)):
                dim.dim_param = next(iter(names)) if len(names) == 1 and d == symbol(*names) else str(d)
        else:
            dim.dim_value = d
