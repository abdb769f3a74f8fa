"""1x1 convolutions of bytes by dot products that saturate, mended where they could have: for levels without exact ones.

Three instructions make 32 products, where words take four. How often something has to be mended depends on the
activations: hardly ever where most are near 0, so behind a Relu; else words are as fast, and the choice is by cost.
"""

from __future__ import annotations

from functools import partial

from lissom.kernels import references  # noqa: F401  # variants come after them
from lissom.kernels.kernel import Params, Refusal, identifier
from lissom.kernels.registry import variant
from lissom.kernels.tiles import SMALL, Machine, cycles_a_group, cycles_after, geometry, tile_sizes

WORD = 32
"""Groups whose bits are a word."""


def _columns(params: Params) -> int:
    """Pixels, whatever row they are in."""
    c = geometry(params)
    return int(c["batch"] * c["out"][0] * c["out"][1] * c["out"][2])


def _refusal(rows: int) -> Refusal:
    def refuses(params: Params) -> str | None:
        c = geometry(params)
        if not params["w_plain"] or params["x"]["flip"] or params["skip"]["flip"]:
            return "int8 weights with zero point 0 and uint8 activations are wanted"
        if c["groups"] > 1 or c["in_channels"] < 4 or (c["kernel"], c["stride"]) != ((1, 1, 1), (1, 1, 1)):
            return "a convolution of 1x1 with stride 1 on four channels or more is wanted"
        if c["in"] != c["out"]:
            return "an image without a border is wanted"
        return f"a tile of {rows} columns for {_columns(params)}" if _columns(params) < rows else None

    return refuses


def _scratch(params: Params, rows: int) -> int:
    """A bit for each group of each tile."""
    words = -(-geometry(params)["in_channels"] // (4 * WORD))
    return int(4 * words * -(-_columns(params) // rows))


def _cost(params: Params, machine: Machine, rows: int, vectors: int) -> float:
    """Cycles of finding what may have to be mended, then of tiles."""
    c = geometry(params)
    groups = -(-c["in_channels"] // 4)
    tiles = -(-_columns(params) // rows)
    panels = -(-c["out_channels"] // (vectors * machine.lanes))
    mended = 0.01 if params["x"]["zero"] < 64 else 1.0
    products = groups * cycles_a_group(machine, rows, vectors, groups) * (1 + 2 * mended)
    return float(
        tiles * (panels * (products + cycles_after(machine, rows, vectors) + 10) + groups * rows / machine.lanes + 10)
    )


def _known(params: Params) -> dict[str, int]:
    """Bytes from one pixel to the next, and whether no sum has to be cut off."""
    return {"STEP": geometry(params)["x_pixel"], "BOUNDED": params["bounded"]}


for _machine in SMALL:
    for _rows, _vectors in tile_sizes(_machine):
        variant(
            "conv_q8",
            f"conv_q8_mended_{identifier(_machine.level)}_{_rows}x{_vectors}",
            _refusal(_rows),
            level=_machine.level,
            layout="NHWC",
            apart=True,
            packing={"w": f"mended {_machine.lanes} {_vectors}"},
            scratch=partial(_scratch, rows=_rows),
            cost=partial(_cost, machine=_machine, rows=_rows, vectors=_vectors),
            template="lissom_conv_q8_mended.h",
            constants={"ROWS": _rows, "VECTORS": _vectors, "STEP": 0, "BOUNDED": 0, "SMALL": 1},
            known=_known,
        )
