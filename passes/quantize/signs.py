"""The grid of weights that are signs already: their scale is what the signs are multiplied with."""

from __future__ import annotations

import numpy as np
import torch

from lissom.ir.ops.binarize import Binarize
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.ternarize import Ternarize
from lissom.ir.tensors import to_tensor
from lissom.ir.types import Array
from lissom.ir.values import Const, Value


def scale_of_signs(w: Value | None) -> Array | None:
    """Float32 scales, one or one for each channel, under which binary or ternary weights are exactly -1, 0 and 1.

    None for other weights. A scale of zero, of weights that are all zero, becomes 1.
    """
    inner = w.x if isinstance(w, Mask) else w
    match inner:
        case Binarize(Const(data)):
            x = to_tensor(data, inner.type.dtype)
            scale = torch.ones(()) if inner.scale == "one" else inner.magnitude(x)
        case Ternarize(Const(data)):
            _, scale = inner.parts(to_tensor(data, inner.type.dtype))
        case _:
            return None
    found = scale.numpy().astype(np.float32)
    found = found.reshape(()) if found.size == 1 else found.reshape(-1)
    return np.where(found > 0, found, np.float32(1))
