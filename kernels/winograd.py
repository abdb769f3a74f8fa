"""3x3 convolutions of bytes with a quarter of the products: Winograd's F(4x4, 3x3) in words, exact.

36 products make 16 results, where 144 would. Patches, weights and results have to be transformed, which takes as long
for few channels as for many: so a layer of few columns, or of few channels, may be faster by plain tiles, and the
choice is by cost. Products are of words, at half the rate of bytes where a level has dot products of those.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from lissom.kernels import references  # noqa: F401  # variants come after them
from lissom.kernels.kernel import Params
from lissom.kernels.registry import variant
from lissom.kernels.tiles import INTEGERS, Machine, cycles_a_group, geometry, tile_sizes

POINTS = 36
ROOM = 320 * 1024
"""Bytes of transformed patches at once: a part of the second cache."""


def _refuses(params: Params) -> str | None:
    c = geometry(params)
    if not params["w_plain"] or params["x"]["flip"] or params["skip"]["flip"]:
        return "int8 weights with zero point 0 and uint8 activations are wanted"
    axes = c["in"][0], c["out"][0], c["kernel"], c["stride"], c["dilation"]
    if c["groups"] > 1 or axes != (1, 1, (1, 3, 3), (1, 1, 1), (1, 1, 1)):
        return "a convolution of 3x3 with stride 1 is wanted"
    return None if params["narrow"] else "sums that may not fit in 26 bits"


def _tiles(params: Params) -> int:
    c = geometry(params)
    return int(-(-c["out"][1] // 4) * -(-c["out"][2] // 4))


def _known(params: Params, lanes: int, rows: int) -> dict[str, int]:
    """Tiles at once, of equal blocks as far as they can be, and the channels of a patch, in whole vectors of words."""
    depth = -(-geometry(params)["in_channels"] // (2 * lanes)) * 2 * lanes
    tiles = _tiles(params)
    blocks = -(-tiles // max(rows, ROOM // (POINTS * 2 * depth)))
    return {"BLOCK": -(-tiles // (blocks * rows)) * rows, "DEPTH": depth}


def _scratch(params: Params, lanes: int, rows: int, vectors: int) -> int:
    """A patch, transformed patches, weights of a panel, and its sums."""
    block, depth = _known(params, lanes, rows).values()
    channels = geometry(params)["in_channels"]
    patch = -(-(POINTS * channels + depth) // 64) * 64
    weights = -(-channels // 2) * vectors * lanes * 4 + 64
    return int(patch + POINTS * (block * depth * 2 + 64 + weights + block * vectors * lanes * 4 + 64))


def _cost(params: Params, machine: Machine, rows: int, vectors: int) -> float:
    """Cycles of the products, then of the three transforms, for each vector."""
    c = geometry(params)
    block, depth = _known(params, machine.lanes, rows).values()
    tiles, pairs = _tiles(params), -(-c["in_channels"] // 2)
    panels = -(-c["out_channels"] // (vectors * machine.lanes))
    blocks = -(-tiles // block)
    one = pairs * cycles_a_group(machine, rows, vectors, pairs) + 2 * rows * vectors
    products = panels * -(-tiles // rows) * POINTS * one
    patches = tiles * depth // (2 * machine.lanes)
    weights = blocks * panels * pairs * vectors
    results = tiles * -(-c["out_channels"] // machine.lanes)
    slow = 2 if machine.lanes / machine.dots > 10 else 1  # 64 bytes take twice as long, and dot products of them too
    return float(c["batch"] * (products + slow * (120 * patches + 70 * weights + 120 * results)))


for _machine in INTEGERS:
    _words = replace(_machine, element=2)
    for _rows, _vectors in tile_sizes(_machine):
        _lanes = _machine.lanes
        variant(
            "conv_q8",
            f"conv_q8_winograd_{_machine.level.replace('-', '_')}_{_rows}x{_vectors}",
            _refuses,
            level=_machine.level,
            layout="NHWC",
            apart=True,
            packing={"w": f"winograd {_lanes} {_vectors}"},
            scratch=partial(_scratch, lanes=_lanes, rows=_rows, vectors=_vectors),
            cost=partial(_cost, machine=_words, rows=_rows, vectors=_vectors),
            template="lissom_conv_q8_winograd.h",
            constants={"ROWS": _rows, "VECTORS": _vectors},
            known=partial(_known, lanes=_lanes, rows=_rows),
        )
