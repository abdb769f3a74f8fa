"""Convolutions whose weights are mostly zero: which kernels there are, what each costs, and when it is worth it.

Levels with vectors take blocks of four channels, whatever pattern they make in each output channel; the portable one
single weights. What a kernel saves over a dense one is work, what it adds is a rearrangement of what goes in
and comes out, so it pays below a density that depends on the layer. ``CROSSOVER`` and ``Sparse`` hold what was measured
(``python -m benchmarks.sparsity --crossover``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod

from lissom.kernels.kernel import Kernel, Params, identifier
from lissom.kernels.registry import Family, variant

FOUR = 4
"""Channels of a block."""

ROWS = 4
"""Rows up to which lanes are output channels rather than pixels."""

CROSSOVER = 0.06
"""The share of weights that are not zero below which the portable kernel is the faster one."""


@dataclass(frozen=True)
class Sparse:
    """What sparse kernels of a level cost, in cycles of a vector."""

    level: str
    lanes: int
    most: int
    """Vectors of pixels at once: with an output channel's sums, all in registers."""
    parts: int
    """Vectors of a row that lanes pick blocks from at once."""
    element: int = 1
    """Bytes of each factor of a dot product."""
    cache: int = 32768
    """Bytes of activations that may be looked up again and again."""
    sparse: float = 1.3
    """Cycles for a block of weights and a vector of pixels."""
    dense: float = 1.0
    """The same for each that a dense kernel's cost counts, where it has many rows."""
    finish: float = 5.0
    """Cycles for a vector of results."""
    turn: float = 4.0
    """Cycles for a vector of four channels that goes in."""


LEVELS = (
    Sparse("avx512vnni", lanes=16, most=8, parts=2, dense=2.0),
    Sparse("avxvnni", lanes=8, most=8, parts=1, dense=2.0),
    Sparse("x86-64-v4", lanes=16, most=8, parts=2, element=2, sparse=2.4),
    Sparse("x86-64-v3", lanes=8, most=8, parts=1, element=2, sparse=1.7),
)
"""The figures are measured on avx512vnni and x86-64-v3 (``benchmarks/sparsity.py``); for avxvnni those of the first
stand in for a measurement."""


def positions(params: Params) -> int:
    """Pixels of the result, those of all images."""
    conv = params["conv"]
    return int(conv["batch"] * prod(conv["out"]))


def taps(params: Params) -> int:
    """Weights of a window."""
    conv = params["conv"]
    return int(prod(conv["kernel"]) * conv["in_channels"])


def fours(params: Params) -> int:
    """Blocks of a window, zero or not."""
    conv = params["conv"]
    return int(prod(conv["kernel"]) * -(-conv["in_channels"] // FOUR))


def vectors(params: Params, on: Sparse) -> int:
    """Vectors of pixels at once: as many as the first cache has room for, and the same number each time or one less."""
    whole = -(-positions(params) // on.lanes)
    room = min(on.most, max(2, on.cache // (fours(params) * on.lanes * FOUR * on.element)))
    return -(-whole // -(-whole // room))


def _scratch(params: Params, on: Sparse) -> int:
    row = vectors(params, on) * on.lanes * FOUR
    return fours(params) * row * on.element + on.lanes * row + int(params["conv"]["in_channels"])


def _cost(params: Params, on: Sparse) -> float:
    whole = -(-positions(params) // on.lanes)
    return float(
        whole * (on.sparse * params["blocks"] + on.finish * params["conv"]["out_channels"] + on.turn * fours(params))
    )


def _row_scratch(params: Params, on: Sparse) -> int:
    part = on.parts * on.lanes * FOUR
    return -(-int(params["conv"]["in_channels"]) // part) * part


def _row_cost(params: Params, on: Sparse) -> float:
    """Steps of all parts: as many as the fullest lane of each needs, for which the average is counted 1.8 times."""
    outputs, parts = params["conv"]["out_channels"], -(-fours(params) // (on.parts * on.lanes))
    each = 1.8 * params["blocks"] / outputs / parts + 1
    return float(positions(params) * -(-outputs // on.lanes) * (2 * parts * each + 24))


def why_dense(kernel: Kernel, params: Params, dense_cost: float) -> str | None:
    """Why a dense kernel of the level, and of this cost, would be faster than ``kernel`` for these weights; None where it
    would not be."""
    on = next((on for on in LEVELS if on.level == kernel.level), None)
    if kernel.level == "portable":
        share = params["nonzeros"] / (taps(params) * params["conv"]["out_channels"])
        return None if share < CROSSOVER else f"{share:.0%} of its weights are not zero, {CROSSOVER:.0%} are too many"
    factor = on.dense if on and positions(params) > ROWS else 1.0
    ratio = kernel.cost(params) / (dense_cost * factor)
    share = params["blocks"] / (fours(params) * params["conv"]["out_channels"])
    if ratio < 1:
        return None
    return f"{share:.0%} of its blocks of four channels are not zero: {ratio:.2f} of the time of a dense kernel"


def _refuses(params: Params) -> str | None:
    if params["conv"]["groups"] > 1:
        return "groups"
    return "a window of too many weights" if taps(params) >= 2**16 else None


def _refuses_signed(params: Params) -> str | None:
    return "uint8 activations are wanted" if params["x"]["flip"] else None


def _refuses_images(params: Params) -> str | None:
    if prod(params["conv"]["kernel"]) > 1 or max(params["conv"]["stride"]) > 1 or any(params["conv"]["pad"]):
        return "windows"
    return "many rows" if positions(params) > ROWS else _refuses_signed(params)


def _known(params: Params, on: Sparse) -> dict[str, int]:
    return {"VECTORS": vectors(params, on)}


_family = Family("sparse", "sparse_q8", "NCHW", {"w": "sparse 1"}, takes_scratch=True)
_family.add("sparse_conv_q8", "q8 x, q8 w -> q8 y", refuses=_refuses)
for _level in LEVELS:
    variant(
        "sparse_conv_q8",
        f"sparse_conv_q8_{identifier(_level.level)}",
        _refuses_signed,
        level=_level.level,
        layout="NHWC",
        packing={"w": f"sparse 4 {_level.element}"},
        scratch=partial(_scratch, on=_level),
        cost=partial(_cost, on=_level),
        template="lissom_sparse_q8.h",
        constants={"VECTORS": 4},
        known=partial(_known, on=_level),
    )

for _level in LEVELS:
    variant(
        "sparse_conv_q8",
        f"sparse_row_q8_{identifier(_level.level)}",
        _refuses_images,
        level=_level.level,
        layout="NHWC",
        packing={"w": f"sparse_rows {_level.lanes} {_level.parts * _level.lanes} {_level.element}"},
        scratch=partial(_row_scratch, on=_level),
        cost=partial(_row_cost, on=_level),
        template="lissom_sparse_row_q8.h",
    )
