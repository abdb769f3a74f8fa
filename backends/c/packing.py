"""How constant operands lie in memory for the kernels, by the layout names of ``kernels/table.py``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lissom.ir.types import Array


def plain(array: Array) -> Array:
    """As the graph holds it."""
    return np.ascontiguousarray(array)


def transposed(array: Array) -> Array:
    """A matrix (K, N) with its columns in a row each."""
    return np.ascontiguousarray(np.swapaxes(array, -1, -2))


PACKINGS: dict[str, Callable[[Array], Array]] = {"OIDHW": plain, "IODHW": plain, "KN": plain, "NK": transposed}
"""Each function takes the operand in the graph's layout: convolution weights (O, I, spatial), matrices (K, N)."""
