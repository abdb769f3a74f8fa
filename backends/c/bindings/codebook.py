"""Weights stored as codes: decoded into the arena before the layer that reads them."""

from __future__ import annotations

import math

import numpy as np

from lissom.backends.c.builder import Builder, binds
from lissom.backends.c.geometry import element_of
from lissom.ir.errors import Unsupported
from lissom.ir.ops.codebook import Codebook
from lissom.ir.values import Const


@binds(Codebook)
def codebook(op: Codebook, b: Builder) -> None:
    """A code beyond the table means zero, so the table is filled up to all codes there are."""
    if not isinstance(op.codes, Const) or not isinstance(op.centroids, Const):
        raise Unsupported("codes or centroids that are computed are not supported in C")
    table = np.zeros(2**op.bits, op.centroids.data.dtype)
    table[: op.centroids.data.size] = op.centroids.data
    axis = op.axis % max(1, len(op.shape))
    params = {
        "count": math.prod(op.shape),
        "bits": op.bits,
        "channels": op.shape[axis] if op.scale is not None else 1,
        "inner": math.prod(op.shape[axis + 1 :]),
    }
    centroids = b.constant(table, op.centroids.name)
    reads = [b.read(op.codes), centroids, b.read(op.scale), b.read(op.kept)]
    b.call(f"codebook_{element_of(op)}", params, reads, [b.write(op)])
