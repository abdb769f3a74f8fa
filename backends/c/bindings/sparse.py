"""Layers whose weights are mostly zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from lissom.backends.c.builder import Builder
from lissom.backends.c.geometry import layout_order
from lissom.backends.c.packing.operand import Operand, fours_of
from lissom.ir.op import Op
from lissom.ir.types import Array
from lissom.ir.values import Value
from lissom.kernels.kernel import Kernel, Params
from lissom.kernels.sparse import why_dense
from lissom.kernels.table import TARGETS

FULL = 0.75
"""The share of weights that are not zero above which nobody meant them to be sparse."""


def sparse_convolution(
    op: Op, b: Builder, x: Value, w: Array, dense: Params, beside: dict[str, Array], by: Kernel | str, rank: int
) -> bool:
    """Call a kernel for sparse weights (outputs, channels, spatial) instead of ``by``, which takes the ``dense``
    parameters, where that is faster; ``beside`` are biases and multipliers. Says whether it did."""
    nonzeros = int(np.count_nonzero(w))
    if not dense.get("w_plain", True) or nonzeros > FULL * w.size:
        return False
    params: dict[str, Any] = {"conv": dense, "nonzeros": nonzeros}
    task = "sparse_conv_f32"
    if w.dtype != np.float32:
        blocks = fours_of(w.reshape(w.shape[0], w.shape[1], -1)).any(2)
        params |= {name: dense[name] for name in ("conv", "x", "y", "reach", "w_plain", "bounded")}
        counts = blocks.sum(1)
        params["blocks"] = int(counts.sum())
        params["fullest"] = int(np.maximum.reduceat(counts, np.arange(0, len(counts), 16)).sum())
        task = "sparse_conv_q8"
    kernel = b.chooser(task, params, b.program.target)
    if isinstance(kernel, str):
        return False
    levels = TARGETS[b.program.target]
    if not isinstance(by, str) and levels.index(kernel.level) > levels.index(by.level):
        return False
    reason = None if isinstance(by, str) else why_dense(kernel, params, by.cost(dense))
    if reason is not None:
        assert b.layer is not None
        b.layer.remark = f"dense: {reason}"
        return False
    if rank <= 2 and kernel.layout == "NCHW" and params["conv"]["out"][2] > 1:
        return False  # rows of channels
    order = layout_order(kernel.layout, rank) if rank > 2 else None
    blob = b.packed(kernel, "w", Operand(w, params, beside), f"{op.name}.sparse")
    b.call(kernel, params, [b.read(x, order), blob], [b.write(op.results[0], order)])
    return True
