"""How weights lie in memory for the matrix unit of x86."""

from __future__ import annotations

import numpy as np

from lissom.backends.c.packing.dense import panels
from lissom.backends.c.packing.operand import Operand
from lissom.ir.types import Array
from lissom.kernels import amx
from lissom.kernels.tiles import geometry


def patches(operand: Operand, lanes: int, vectors: int, element: int, chunk: int) -> Array:
    """The panels of the convolution of 1x1 that ``lissom_patches.h`` makes: all taps are one run, with zeros behind."""
    pointwise = amx.patches(operand.params)
    taps = np.moveaxis(operand.array, 1, -1).reshape(len(operand.array), -1)  # in the order of memory: tap, channel
    filled = np.zeros((len(taps), geometry(pointwise)["in_channels"], 1, 1, 1), np.int8)
    filled[:, : taps.shape[1], 0, 0, 0] = taps
    return panels(Operand(filled, pointwise, operand.beside), lanes, vectors, element, chunk)
