"""How constant operands lie in memory for the kernels, by the layout names of the kernel table."""

from __future__ import annotations

from collections.abc import Callable

from lissom.backends.c.packing import aarch64, amx, cortex_m4, cortex_m55, dense, sparse
from lissom.backends.c.packing.operand import Operand
from lissom.ir.types import Array

__all__ = ["PACKINGS", "Operand", "holds_all", "pack"]


def pack(layout: str, operand: Operand) -> Array:
    """The operand in ``layout``: the name of one, and its numbers."""
    name, *numbers = layout.split()
    return PACKINGS[name](operand, *map(int, numbers))


def holds_all(layout: str) -> bool:
    """Whether a layout of weights holds bias and multipliers too, so that the kernel wants none beside it."""
    return layout not in ("OIDHW", "IODHW", "KN", "NK")


PACKINGS: dict[str, Callable[..., Array]] = {
    "OIDHW": dense.plain,
    "IODHW": dense.plain,
    "KN": dense.plain,
    "NK": dense.transposed,
    "panels": dense.panels,
    "patches": amx.patches,
    "mended": dense.mended,
    "columns": cortex_m4.columns,
    "pairs": cortex_m4.pairs,
    "strips": cortex_m4.strips,
    "float_columns": cortex_m4.float_columns,
    "float_groups": cortex_m4.float_groups,
    "float_taps": cortex_m4.float_taps,
    "winograd": dense.winograd,
    "blocks": dense.blocks,
    "depthwise": dense.depthwise,
    "taps": dense.taps,
    "fours": cortex_m55.fours,
    "channels": cortex_m55.channels,
    "eights": cortex_m55.eights,
    "groups": cortex_m55.groups,
    "turns": cortex_m55.turns,
    "float_stream": cortex_m55.float_stream,
    "float_turns": cortex_m55.float_turns,
    "sparse": sparse.sparse,
    "sparse_floats": sparse.sparse_floats,
    "sparse_rows": sparse.sparse_rows,
    "windows": aarch64.windows,
}
"""The functions behind the names."""
