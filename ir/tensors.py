"""numpy arrays to torch tensors and back, for every element type torch can carry."""

from __future__ import annotations

import warnings

import numpy as np
import torch

from lissom.ir.errors import Unsupported
from lissom.ir.types import SUB_BYTE_CARRIERS, Array, DType

_BITS = {1: (np.uint8, torch.uint8), 2: (np.int16, torch.int16)}


def to_tensor(array: Array, dtype: DType) -> torch.Tensor:
    """A tensor with the array's elements. It shares memory where it can, so it must not be written to."""
    target = dtype.torch
    if dtype.value in SUB_BYTE_CARRIERS:
        return torch.from_numpy(array.astype(SUB_BYTE_CARRIERS[dtype.value]))
    array = np.ascontiguousarray(array) if array.ndim else np.array(array)
    if array.dtype.kind == "V" or array.dtype.num >= 256:  # an ml_dtypes type: the bits travel
        as_numpy, as_torch = _BITS[array.dtype.itemsize]
        return torch.from_numpy(array.view(as_numpy).copy()).view(as_torch).view(target)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)


def to_array(tensor: torch.Tensor, dtype: DType) -> Array:
    """An array of the element type with the tensor's elements."""
    tensor = tensor.detach().cpu()
    if tensor.dtype is not dtype.torch:
        raise Unsupported(f"an op computed {tensor.dtype} where its type says {dtype}")
    if dtype.value in SUB_BYTE_CARRIERS:
        return tensor.numpy().astype(dtype.numpy)
    if dtype is DType.bfloat16 or "float8" in dtype.value:
        as_numpy, as_torch = _BITS[tensor.element_size()]
        return tensor.contiguous().view(as_torch).numpy().view(as_numpy).view(dtype.numpy)
    array: Array = tensor.numpy()
    return array
