"""Convolutions by the matrix unit of level amx: which tiles there are, and what each costs.

A register of AMX holds 16 rows of 64 bytes: sums of 16 columns by 16 channels, patches of 16 columns, or weights
of 16 channels. Four of the eight hold sums. Times are estimates that no machine with AMX has confirmed; layers for
which filling and emptying tiles takes longer than the products go to level avx512vnni by their cost.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from lissom.kernels.kernel import Params
from lissom.kernels.registry import variant
from lissom.kernels.tiles import geometry, padded_bytes, refusal, run_length, step_bytes

SIZES = ((1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (2, 2))
"""(tiles of columns, vectors of channels) whose sums fit in four registers."""

MULTIPLY, LOAD, CONFIGURE = 16, 8, 100
"""Cycles of a product of two tiles, of a tile to or from memory, and of saying what shapes tiles have."""


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
        each = max(across * vectors * MULTIPLY, (across + vectors) * LOAD)
        return float(CONFIGURE + tiles * (chunks * each + across * vectors * 2 * LOAD + 4 * rows * vectors + 10))

    return cost


def _known(across: int) -> Callable[[Params], dict[str, int]]:
    def known(params: Params) -> dict[str, int]:
        length = run_length(params, 1)
        chunk = min(64, length)
        step = step_bytes(params, 1, padded_bytes(params, 1) > 0)
        return {"ROWS": columns_of(params, across), "STEP": step, "REST": length % chunk, "CHUNK": chunk}

    return known


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
