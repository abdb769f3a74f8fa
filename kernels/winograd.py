"""3x3 convolutions with a quarter of the products: Winograd's F(4x4, 3x3), for bytes in words, exact, and for floats.

36 products make 16 results, where 144 would. Patches, weights and results have to be transformed, which takes as long
for few channels as for many: so a layer of few columns, or of few channels, may be faster by plain tiles, and the
choice is by cost. Products of bytes are of words, at half the rate of bytes where a level has dot products of those.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from lissom.kernels import references  # noqa: F401  # variants come after them
from lissom.kernels.kernel import Params, identifier
from lissom.kernels.registry import variant
from lissom.kernels.tiles import FLOATS, INTEGERS, Machine, cycles_a_group, element_bytes, geometry, tile_sizes

POINTS = 36
ROOM = 320 * 1024
"""Bytes of transformed patches at once: a part of the second cache."""
WEIGHTS = 256 * 1024
"""Bytes of transformed weights at once."""


def _refuses(params: Params) -> str | None:
    c = geometry(params)
    if "conv" in params and (not params["w_plain"] or params["x"]["flip"] or params["skip"]["flip"]):
        return "int8 weights with zero point 0 and uint8 activations are wanted"
    axes = c["in"][0], c["out"][0], c["kernel"], c["stride"], c["dilation"]
    if c["groups"] > 1 or axes != (1, 1, (1, 3, 3), (1, 1, 1), (1, 1, 1)):
        return "a convolution of 3x3 with stride 1 is wanted"
    return None if params.get("narrow", 1) else "sums that may not fit in 26 bits"


def _tiles(params: Params) -> int:
    c = geometry(params)
    return int(-(-c["out"][1] // 4) * -(-c["out"][2] // 4))


def _groups(params: Params, machine: Machine) -> int:
    """Of input channels whose transformed weights make four bytes."""
    return int(-(-geometry(params)["in_channels"] * machine.element // 4))


def _known(params: Params, machine: Machine, rows: int, vectors: int) -> dict[str, int]:
    """Tiles at once, of equal blocks as far as they can be, the channels of a patch, in whole vectors, and groups of
    channels whose weights are transformed at once: of words all, which was faster."""
    groups = -(-_groups(params, machine) // machine.lanes) * machine.lanes
    depth = groups * 4 // machine.element
    tiles = _tiles(params)
    blocks = -(-tiles // max(rows, ROOM // (POINTS * machine.element * depth)))
    parts = 1 if machine.element == 2 else -(-groups // max(1, WEIGHTS // (POINTS * vectors * machine.lanes * 4)))
    return {"BLOCK": -(-tiles // (blocks * rows)) * rows, "DEPTH": depth, "PART": -(-groups // parts)}


def _scratch(params: Params, machine: Machine, rows: int, vectors: int) -> int:
    """A patch, transformed patches, weights of a panel, and its sums."""
    block, depth, part = _known(params, machine, rows, vectors).values()
    channels, width = geometry(params)["in_channels"], vectors * machine.lanes * 4
    patch = -(-(POINTS * channels + depth) * element_bytes(params) // 64) * 64
    return int(patch + POINTS * (block * depth * machine.element + part * width + block * width + 3 * 64))


def _cost(params: Params, machine: Machine, rows: int, vectors: int) -> float:
    """Cycles of the products, then of the three transforms, for each vector."""
    c = geometry(params)
    block, depth, _ = _known(params, machine, rows, vectors).values()
    tiles, groups = _tiles(params), _groups(params, machine)
    panels = -(-c["out_channels"] // (vectors * machine.lanes))
    blocks = -(-tiles // block)
    one = groups * cycles_a_group(machine, rows, vectors, groups) + 2 * rows * vectors
    products = panels * -(-tiles // rows) * POINTS * one
    patches = tiles * depth * machine.element // (4 * machine.lanes)
    weights = blocks * panels * groups * vectors
    results = tiles * -(-c["out_channels"] // machine.lanes)
    slow = 0.6  # floats: no lanes are widened or narrowed
    if machine.element == 2:  # 64 bytes take twice as long, and dot products of them too
        slow = 2.0 if machine.lanes / machine.dots > 10 else 1.0
    return float(c["batch"] * (products + slow * (120 * patches + 70 * weights + 120 * results)))


def _add(task: str, machines: tuple[Machine, ...]) -> None:
    for machine in machines:
        for rows, vectors in tile_sizes(machine):
            variant(
                task,
                f"{task}_winograd_{identifier(machine.level)}_{rows}x{vectors}",
                _refuses,
                level=machine.level,
                layout="NHWC",
                apart=True,
                packing={"w": f"winograd {machine.lanes} {vectors}"},
                scratch=partial(_scratch, machine=machine, rows=rows, vectors=vectors),
                cost=partial(_cost, machine=machine, rows=rows, vectors=vectors),
                template=f"lissom_{task}_winograd.h",
                constants={"ROWS": rows, "VECTORS": vectors},
                known=partial(_known, machine=machine, rows=rows, vectors=vectors),
            )


_add("conv_q8", tuple(replace(m, element=2) for m in INTEGERS))
_add("conv_f32", FLOATS)
