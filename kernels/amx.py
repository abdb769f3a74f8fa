"""Convolutions by the matrix unit of level amx: which tiles there are, and what each costs.

A register of AMX holds 16 rows of 64 bytes: sums of 16 columns by 16 channels, patches of 16 columns, or weights
of 16 channels. Four of the eight hold sums. Times are those of Sapphire Rapids as far as they are published, which no
machine here has confirmed; layers for which filling and emptying tiles takes longer than the products go to level
avx512vnni by their cost.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from lissom.kernels.kernel import Params
from lissom.kernels.registry import variant
from lissom.kernels.tiles import FROM_SECOND_CACHE, LINE, geometry, padded_bytes, refusal, run_length, step_bytes

SIZES = ((1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (2, 2))
"""(tiles of columns, vectors of channels) whose sums fit in four registers."""

MULTIPLY, LATENCY, LOAD, STORE, CONFIGURE = 16, 52, 8, 16, 200
"""Cycles from one product of two tiles to the next, and to one that adds to the same sums; of a tile from the first
cache, whose rows are lines, and to memory; and of saying what shapes tiles have, and no more."""
TILE = 1024
"""Bytes of a tile."""
CACHE = 24 * 1024
"""Bytes of a panel that stay in the first cache."""
FINISH = 4
"""Cycles that a vector of 16 sums takes on its way to results."""


def columns_of(params: Params, across: int) -> int:
    """Columns of an output row that ``across`` tiles compute at once: of as many as a row needs, of even width."""
    columns = int(geometry(params)["out"][2])
    steps = -(-columns // (16 * across))
    return -(-columns // (steps * across)) * across


def _refusal(across: int) -> Callable[[Params], str | None]:
    def refuses(params: Params) -> str | None:
        length = run_length(params, 1)
        if length < 64 and length % 4:
            return "runs of bytes that are neither 64 nor whole groups of 4"
        return refusal(columns_of(params, across))(params)

    return refuses


def _cost(across: int, vectors: int) -> Callable[[Params], float]:
    """Cycles of all tiles."""

    def cost(params: Params) -> float:
        c = geometry(params)
        rows = columns_of(params, across)
        panels = c["groups"] * -(-c["out_channels"] // (vectors * 16))
        tiles = c["batch"] * panels * c["out"][0] * c["out"][1] * -(-c["out"][2] // rows)
        length = run_length(params, 1)
        chunks = prod(c["kernel"]) * c["in_channels"] // length * -(-length // 64)
        torn = length % LINE or step_bytes(params, 1, padded_bytes(params, 1) > 0) % LINE
        patches = across * (2 * LOAD if torn else LOAD)
        weights = vectors * (TILE / FROM_SECOND_CACHE if chunks * vectors * TILE > CACHE else LOAD)
        each = max(across * vectors * MULTIPLY, LATENCY, patches + weights)
        around = LATENCY + across * vectors * (LOAD + STORE) + FINISH * rows * vectors
        return float(CONFIGURE + tiles * (chunks * each + around))

    return cost


def _known(across: int) -> Callable[[Params], dict[str, int]]:
    def known(params: Params) -> dict[str, int]:
        length = run_length(params, 1)
        chunk = min(64, length)
        step = step_bytes(params, 1, padded_bytes(params, 1) > 0)
        known = {"ROWS": columns_of(params, across), "STEP": step, "REST": length % chunk, "CHUNK": chunk}
        return known | {"BOUNDED": params["bounded"]}

    return known


# ---- patches laid out in scratch memory: a convolution as one of 1x1

ROOM = 512 * 1024
"""Bytes of patches at once: a part of the second cache."""


def patches(params: Params) -> Params:
    """The convolution of 1x1 on patches of whole groups of four bytes, each in whole lines, so many at once."""
    c = geometry(params)
    length, outputs = -(-prod(c["kernel"]) * c["in_channels"] // 4) * 4, c["batch"] * prod(c["out"])
    step = -(-length // LINE) * LINE
    block = -(-outputs // -(-outputs * step // ROOM))
    ones = dict.fromkeys(("kernel", "stride", "dilation"), (1, 1, 1))
    sizes = {"in": (1, 1, block), "out": (1, 1, block), "pad": (0, 0, 0), "batch": 1, **ones}
    return {**params, "conv": {**c, **sizes, "in_channels": length, "x_pixel": step}}


def _refuses_patches(across: int) -> Callable[[Params], str | None]:
    def refuses(params: Params) -> str | None:
        c = geometry(params)
        if c["groups"] > 1 or prod(c["kernel"]) * prod(c["stride"]) == 1:
            return "a convolution without groups that is not one of 1x1 is wanted"
        return _refusal(across)(patches(params))

    return refuses


def _patches_cost(across: int, vectors: int) -> Callable[[Params], float]:
    """Cycles of laying out patches, by runs, and of all tiles."""

    def cost(params: Params) -> float:
        c, flat = geometry(params), patches(params)
        outputs, block = c["batch"] * prod(c["out"]), geometry(flat)["out"][2]
        each = 30 + 20 * c["kernel"][0] * c["kernel"][1] + geometry(flat)["x_pixel"] / FROM_SECOND_CACHE
        return float(outputs * each + -(-outputs // block) * _cost(across, vectors)(flat))

    return cost


def _patches_known(across: int) -> Callable[[Params], dict[str, int]]:
    def known(params: Params) -> dict[str, int]:
        c = geometry(flat := patches(params))
        return {**_known(across)(flat), "LENGTH": c["in_channels"], "PATCHES": c["out"][2]}

    return known


def _patches_bytes(params: Params) -> int:
    c = geometry(patches(params))
    return int(c["out"][2] * c["x_pixel"])


for _across, _vectors in SIZES:
    variant(
        "conv_q8",
        f"conv_q8_amx_{_across}x{_vectors}",
        _refusal(_across),
        level="amx",
        layout="NHWC",
        apart=True,
        packing={"w": f"panels 16 {_vectors} 1 64"},
        scratch=lambda params: padded_bytes(params, 1),
        cost=_cost(_across, _vectors),
        template="lissom_conv_q8_tile.h",
        constants={"ACROSS": _across, "VECTORS": _vectors},
        known=_known(_across),
    )
    variant(
        "conv_q8",
        f"conv_q8_patches_amx_{_across}x{_vectors}",
        _refuses_patches(_across),
        level="amx",
        layout="NHWC",
        apart=True,
        packing={"w": f"patches 16 {_vectors} 1 64"},
        scratch=_patches_bytes,
        cost=_patches_cost(_across, _vectors),
        template="lissom_conv_q8_tile.h",
        constants={"ACROSS": _across, "VECTORS": _vectors},
        known=_patches_known(_across),
    )
