"""Element types and tensor types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

import ml_dtypes
import numpy as np
import numpy.typing as npt

from lissom.ir.dims import Dim, SymDim, bind, symbols
from lissom.ir.errors import Unsupported

if TYPE_CHECKING:
    import torch

Array: TypeAlias = npt.NDArray[Any]
Shape: TypeAlias = tuple[Dim, ...]


class DType(Enum):
    """An element type. Names are those of numpy and ml_dtypes; ``unknown`` is anything that is not a tensor element."""

    float32 = "float32"
    float64 = "float64"
    float16 = "float16"
    bfloat16 = "bfloat16"
    int8 = "int8"
    int16 = "int16"
    int32 = "int32"
    int64 = "int64"
    uint8 = "uint8"
    uint16 = "uint16"
    uint32 = "uint32"
    uint64 = "uint64"
    bool = "bool"
    string = "string"
    complex64 = "complex64"
    complex128 = "complex128"
    int2 = "int2"
    uint2 = "uint2"
    int4 = "int4"
    uint4 = "uint4"
    float4e2m1fn = "float4_e2m1fn"
    float8e4m3fn = "float8_e4m3fn"
    float8e4m3fnuz = "float8_e4m3fnuz"
    float8e5m2 = "float8_e5m2"
    float8e5m2fnuz = "float8_e5m2fnuz"
    float8e8m0fnu = "float8_e8m0fnu"
    unknown = "unknown"

    def __str__(self) -> str:
        return self.name

    __repr__ = __str__

    @property
    def numpy(self) -> np.dtype[Any]:
        """The numpy dtype; raises Unsupported for ``unknown``."""
        if self is DType.string:
            return np.dtype(object)
        if self is DType.unknown:
            raise Unsupported("a value that is not a tensor has no numpy dtype")
        found: np.dtype[Any] = np.dtype(getattr(ml_dtypes, self.value, self.value))
        return found

    @property
    def torch(self) -> torch.dtype:
        """The torch dtype that carries such elements. Sub-byte integers travel as int8 / uint8, float4 as float32.

        Raises Unsupported for strings and what torch has no type for.
        """
        import torch

        name = SUB_BYTE_CARRIERS.get(self.value, self.value)
        found = getattr(torch, name, None)
        if not isinstance(found, torch.dtype):
            raise Unsupported(f"elements of type {self} cannot be computed with: torch has no such dtype")
        return found

    @property
    def bits(self) -> int:
        """Size of one element in bits; 0 for strings and unknown."""
        if self in (DType.string, DType.unknown):
            return 0
        digits = self.value.split("_")[0].lstrip("abcdefghijklmnopqrstuvwxyz")
        return int(digits) if digits else 8

    @property
    def is_float(self) -> bool:  # type: ignore[valid-type]  # `bool` names a member in this class body
        return "float" in self.value

    @property
    def is_integer(self) -> bool:  # type: ignore[valid-type]
        return "int" in self.value


SUB_BYTE_CARRIERS = {"int4": "int8", "int2": "int8", "uint4": "uint8", "uint2": "uint8", "float4_e2m1fn": "float32"}
"""What elements of less than a byte travel as in tensors: every value of theirs is one of the carrier's."""


def dtype_of(array: Array) -> DType:
    """The element type of a numpy array."""
    kind = np.asarray(array).dtype
    if kind.kind in "OUST":
        return DType.string
    try:
        return DType(kind.name)
    except ValueError:
        raise Unsupported(f"numpy dtype {kind.name} has no lissom element type") from None


@dataclass(frozen=True)
class TensorType:
    """Element type and shape of a value; ``shape`` is None where not even the rank is known."""

    dtype: DType
    shape: Shape | None

    def __str__(self) -> str:
        return f"{self.dtype}[{'*' if self.shape is None else ','.join(map(str, self.shape))}]"

    __repr__ = __str__

    @property
    def dims(self) -> Shape:
        """The shape of a value whose rank is known; raises Unsupported where it is not."""
        if self.shape is None:
            raise Unsupported(f"the rank of a value of type {self} is not known")
        return self.shape

    @property
    def rank(self) -> int:
        return len(self.dims)

    @property
    def static(self) -> tuple[int, ...] | None:
        """The shape when every size is a number, else None."""
        if self.shape is None:
            return None
        sizes = tuple(d for d in self.shape if isinstance(d, int))
        return sizes if len(sizes) == len(self.shape) else None

    def size(self, symbol_size: int = 1) -> int:
        """Number of elements, each symbol counted as ``symbol_size``."""
        total = 1
        for d in self.dims:
            if isinstance(d, SymDim):
                d = bind(d, dict.fromkeys(symbols(d), symbol_size))
                assert isinstance(d, int)
            total *= max(d, 0)
        return total

    def nbytes(self) -> int:
        """Bytes of the elements, sub-byte types packed, each symbol counted as 1."""
        return (self.size() * self.dtype.bits + 7) // 8

    def bind(self, sizes: Mapping[str, Dim]) -> TensorType:
        """The type with the symbols in ``sizes`` put in."""
        return self if self.shape is None else TensorType(self.dtype, tuple(bind(d, sizes) for d in self.shape))


def tensor(dtype: DType | str, *shape: Dim) -> TensorType:
    """``tensor("float32", 1, 3, N, N)``: shorthand for a tensor type of known rank."""
    return TensorType(DType(dtype) if isinstance(dtype, str) else dtype, shape)
