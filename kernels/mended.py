"""Convolutions of bytes whose products are summed in 16 bits: for levels without exact dot products of bytes.

Two multiplications and two additions make 32 products in words; here three and two make 64, where activations are near
0, and four and two where they are on both sides of 128. What activations that are too large lose is mended, hardly ever
behind a Relu or a linear layer. Where the zero point says that it would be often, words remain.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import prod

from lissom.kernels import references  # noqa: F401  # variants come after them
from lissom.kernels.kernel import Params, Refusal, identifier
from lissom.kernels.registry import variant
from lissom.kernels.tiles import SMALL, Machine, cycles_a_group, cycles_after, geometry, tile_sizes

BLOCK = 32768
"""Bytes of columns and results that are worked on at once."""


def _length(params: Params) -> int:
    """Bytes that the kernel sees at an output."""
    c = geometry(params)
    return int(prod(c["kernel"]) * c["in_channels"])


def _step(params: Params, machine: Machine) -> int:
    """The same in whole vectors."""
    vector = 4 * machine.lanes
    return -(-_length(params) // vector) * vector


def _columns(params: Params) -> int:
    c = geometry(params)
    return int(c["batch"] * prod(c["out"]))


def _are_pixels(params: Params) -> bool:
    """Whether columns are pixels of x, one behind the other."""
    c = geometry(params)
    return prod(c["kernel"]) * prod(c["stride"]) == 1 and tuple(c["in"]) == tuple(c["out"])


def _block(params: Params, machine: Machine, rows: int) -> int:
    """Columns that are worked on at once."""
    tiles = max(4, BLOCK // ((_step(params, machine) + geometry(params)["out_channels"]) * rows))
    return min(_columns(params), int(tiles) * rows)


def _refusal(rows: int, offset: int) -> Refusal:
    def refuses(params: Params) -> str | None:
        c = geometry(params)
        if not params["w_plain"] or params["x"]["flip"] or params["skip"]["flip"]:
            return "int8 weights with zero point 0 and uint8 activations are wanted"
        if c["groups"] > 1:
            return "a convolution without groups is wanted"
        zero = params["x"]["zero"]
        if not (64 <= zero <= 192 if offset else zero < 64):
            return f"activations around {zero}"
        return f"a tile of {rows} columns for {_columns(params)}" if _columns(params) < rows else None

    return refuses


def _scratch(params: Params, machine: Machine, rows: int, offset: int) -> int:
    """Columns, for each two numbers, and for each four bytes at most two of the rests, or one."""
    step = _step(params, machine)
    return int(_block(params, machine, rows) * (step + 8 + (2 if offset else 4) * step))


def _cost(params: Params, machine: Machine, rows: int, vectors: int, offset: int) -> float:
    """Cycles of laying out columns, then of tiles."""
    c = geometry(params)
    eights, columns = -(-_length(params) // 8), _columns(params)
    tiles, panels = -(-columns // rows), -(-c["out_channels"] // (vectors * machine.lanes))
    gathered = 0.0 if _are_pixels(params) else 20 + prod(c["kernel"]) * (12 + c["in_channels"] / 16)
    laid = columns * (20 + _step(params, machine) / machine.lanes + gathered)
    dots = replace(machine, dots=machine.dots * (1 if offset else 1.25))
    products = eights * 2 * cycles_a_group(dots, rows, vectors, 2 * eights)
    return float(laid + tiles * panels * (products * 1.03 + cycles_after(machine, rows, vectors) + 20))


def _known(params: Params, machine: Machine) -> dict[str, int]:
    """Bytes of a column, and whether no sum has to be cut off."""
    return {"STEP": _step(params, machine), "BOUNDED": params["bounded"]}


for _machine in SMALL:
    for _offset, _kind in enumerate(("mended", "offset")):
        for _rows, _vectors in tile_sizes(_machine):
            variant(
                "conv_q8",
                f"conv_q8_{_kind}_{identifier(_machine.level)}_{_rows}x{_vectors}",
                _refusal(_rows, _offset),
                level=_machine.level,
                layout="NHWC",
                apart=True,
                packing={"w": f"mended {_machine.lanes} {_vectors} {_offset}"},
                scratch=partial(_scratch, machine=_machine, rows=_rows, offset=_offset),
                cost=partial(_cost, machine=_machine, rows=_rows, vectors=_vectors, offset=_offset),
                template="lissom_conv_q8_mended.h",
                constants={"ROWS": _rows, "VECTORS": _vectors, "STEP": 0, "BOUNDED": 0, "SMALL": 1, "OFFSET": _offset},
                known=partial(_known, machine=_machine),
            )
