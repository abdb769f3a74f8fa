"""Convolutions whose weights are mostly zero: which kernels there are, what each costs, and when it is worth it.

Levels with vectors take bytes by blocks of four channels, whatever pattern they make in each output channel; floats,
and the portable level, go by single weights. What a kernel saves over a dense one is work, what it adds is a
rearrangement of what goes in and comes out, so it pays below a density that depends on the layer. ``CROSSOVER`` and
``Sparse`` hold what was measured (``python -m benchmarks.sparsity --crossover``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from math import prod, sqrt
from typing import Any

from lissom.kernels.kernel import Kernel, Params, identifier
from lissom.kernels.neon import NARROW
from lissom.kernels.registry import Family, variant

FOUR = 4
"""Channels of a block."""

ROWS = 4
"""Rows up to which each is multiplied by itself, and of which tiles have as many."""

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
    """Vectors of a row that lanes pick blocks from at once; 0: they pick from windows that slide along it."""
    element: int = 1
    """Bytes of an activation as it is laid out: of a factor of a dot product."""
    cache: int = 32768
    """Bytes of activations that may be looked up again and again."""
    sparse: float = 1.3
    """Cycles for a block of weights and a vector of pixels."""
    entry: float = 0.0
    """Cycles for a block of weights, however many vectors there are."""
    dense: float = 1.0
    """The same for each that a dense kernel's cost counts, where it has many rows."""
    read: float = 1.0
    """The same on few rows, where the weights are waited for."""
    finish: float = 5.0
    """Cycles for a vector of results."""
    turn: float = 4.0
    """Cycles for a vector of four channels that goes in."""
    pick: float = 0.0
    """Cycles for a vector of output channels to pick and multiply four channels each of a pixel in registers; 0: no
    kernel does."""
    row: float = 0.0
    """Cycles for a vector of results there."""
    signed: bool = False
    """Whether activations are int8, else uint8."""


DOTPROD = Sparse(
    "aarch64+dotprod", lanes=4, most=20, parts=0, cache=65536, sparse=1.25, entry=5, finish=10, turn=5, signed=True
)
"""On AArch64 costs are instructions, as those of its dense kernels are."""

LEVELS = (
    Sparse("avx512vnni", lanes=16, most=8, parts=2, dense=2.0, pick=1.45, row=3.2),
    Sparse("avxvnni", lanes=8, most=8, parts=1, dense=2.0),
    Sparse("x86-64-v4", lanes=16, most=8, parts=2, element=2, sparse=2.4),
    Sparse("x86-64-v3", lanes=8, most=8, parts=1, element=2, sparse=1.7),
    replace(DOTPROD, level="aarch64+i8mm"),
    DOTPROD,
    replace(DOTPROD, level="aarch64", sparse=3.25, entry=7),
)
"""The figures are measured on avx512vnni and x86-64-v3 (``benchmarks/sparsity.py``); for avxvnni those of the first
stand in for a measurement."""

FLOATS = (
    Sparse("x86-64-v4", lanes=16, most=8, parts=2, element=4, sparse=0.9, read=0.55),
    Sparse("x86-64-v3", lanes=8, most=8, parts=1, element=4, sparse=0.9, read=0.55),
    replace(DOTPROD, level="aarch64", element=4, entry=7, finish=12, turn=9, signed=False),
)


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


def patch(params: Params, on: Sparse) -> int:
    """Bytes of a window of each pixel of a vector, as they are laid out."""
    return (taps(params) if on.element == 4 else fours(params) * FOUR) * on.element * on.lanes


def vectors(params: Params, on: Sparse) -> int:
    """Vectors of pixels at once: as many as the cache has room for, and the same number each time or one less."""
    whole = -(-positions(params) // on.lanes)
    room = min(on.most, max(2, on.cache // patch(params, on)))
    return -(-whole // -(-whole // room))


def _scratch(params: Params, on: Sparse) -> int:
    pixel = params["conv"]["in_channels"] * (4 if on.element == 4 else 1)
    return int(vectors(params, on) * (patch(params, on) + on.lanes * on.lanes * 4) + pixel)


def entries(params: Params) -> int:
    """Blocks, or single weights, that are not zero."""
    return int(params.get("blocks", params["nonzeros"]))


def _cost(params: Params, on: Sparse) -> float:
    """Cycles of all entries and results, and of laying out vectors of patches."""
    whole = -(-positions(params) // on.lanes)
    turns = -(-whole // vectors(params, on))
    laid_out = patch(params, on) // (on.lanes * max(on.element, FOUR))
    each = on.sparse * entries(params) + on.finish * params["conv"]["out_channels"] + on.turn * laid_out
    return float(whole * each + turns * on.entry * entries(params))


def width(params: Params) -> int:
    """Entries of a window, zero or not: blocks of bytes, or floats."""
    return fours(params) if "blocks" in params else taps(params)


def _row_scratch(params: Params, on: Sparse) -> int:
    """A row of x in whole parts, whose entries have four bytes of it each."""
    room = on.parts * on.lanes
    return -(-width(params) // room) * room * FOUR


def _row_cost(params: Params, on: Sparse) -> float:
    """Steps of all parts: as many as the fullest lane of each needs, an average and 1.6 deviations."""
    outputs, parts = params["conv"]["out_channels"], -(-width(params) // (on.parts * on.lanes))
    mean = entries(params) / outputs / parts
    each = mean + 1.6 * sqrt(mean) + 1
    return float(positions(params) * -(-outputs // on.lanes) * (2 * parts * each + 24))


WINDOW = 16
"""Entries of a row that are looked up at once on AArch64."""


def row_vectors(params: Params) -> int:
    """Vectors of four output channels that go through a row together there, at most 16."""
    fours_of_vectors = -(-int(params["conv"]["out_channels"]) // 16)
    return 4 * -(-fours_of_vectors // -(-fours_of_vectors // 4))


def _window_scratch(params: Params, on: Sparse) -> int:
    """A row of x in whole entries, and no less than a window."""
    return max(width(params), WINDOW) * FOUR


def _window_cost(params: Params, on: Sparse) -> float:
    """Instructions of all steps: those of an average channel, and a tenth of the row, since a window waits for the
    slowest (found by drawing blocks at random)."""
    vectors = row_vectors(params)
    groups = -(-params["conv"]["out_channels"] // (4 * vectors))
    steps = entries(params) / params["conv"]["out_channels"] + width(params) / 10
    each = groups * (steps * (5 + vectors * (0.25 + on.sparse + 1)) + 7 * vectors + 40)
    return float(positions(params) * (each + width(params) / 4))


def why_dense(kernel: Kernel, params: Params, dense_cost: float) -> str | None:
    """Why a dense kernel of the level, and of this cost, would be faster than ``kernel`` for these weights; None where
    it would not be."""
    on = next((on for on in (LEVELS if "blocks" in params else FLOATS) if on.level == kernel.level), None)
    if kernel.level == "portable":
        share = params["nonzeros"] / (taps(params) * params["conv"]["out_channels"])
        return None if share < CROSSOVER else f"{share:.0%} of its weights are not zero, {CROSSOVER:.0%} are too many"
    factor = 1.0 if on is None else on.dense if positions(params) > ROWS else on.read
    ratio = kernel.cost(params) / (dense_cost * factor)
    if ratio < 1:
        return None
    what = "blocks of four channels" if "blocks" in params else "weights"
    share = entries(params) / (width(params) * params["conv"]["out_channels"])
    return f"{share:.0%} of its {what} are not zero: {ratio:.2f} of the time of a dense kernel"


def _refuses(params: Params) -> str | None:
    if params["conv"]["groups"] > 1:
        return "groups"
    return "a window of too many weights" if taps(params) >= 2**16 else None


def _refuses_signed(params: Params, on: Sparse) -> str | None:
    """Of bytes, those that the level does not multiply by; of floats nothing."""
    if "x" not in params:
        return None
    if on.signed and params["y"]["low"] + params["y"]["zero"] >= 0:
        return "int8 results are wanted"
    wanted = "int8" if on.signed else "uint8"
    return None if bool(params["x"]["flip"]) == on.signed else f"{wanted} activations are wanted"


def _refuses_windows(params: Params, on: Sparse) -> str | None:
    if prod(params["conv"]["kernel"]) > 1 or max(params["conv"]["stride"]) > 1 or any(params["conv"]["pad"]):
        return "windows"
    return _refuses_signed(params, on)


def _refuses_images(params: Params, on: Sparse) -> str | None:
    return "many rows" if positions(params) > ROWS else _refuses_windows(params, on)


def _refuses_long_rows(params: Params, on: Sparse) -> str | None:
    room = on.parts * on.lanes
    if fours(params) > room:
        return f"more than {room * FOUR} channels"
    return "few rows" if positions(params) <= ROWS else _refuses_windows(params, on)


def _row_tile(params: Params, on: Sparse) -> dict[str, int]:
    """Pixels of a tile, vectors of output channels, and those of a pixel: what registers hold."""
    of_outputs = -(-params["conv"]["out_channels"] // on.lanes)
    together = next(n for n in (4, 3, 2, 1) if of_outputs % n == 0)
    return {"ROWS": ROWS, "VECTORS": together, "REGISTERS": -(-fours(params) // on.lanes), "BOUNDED": params["bounded"]}


def _short_rows_cost(params: Params, on: Sparse) -> float:
    """Steps, as many as the fullest channel of a vector has entries, and results. Of two vectors to pick is slower."""
    steps = params["fullest"] * (on.pick if fours(params) <= on.lanes else 1.25 * on.pick)
    return float(positions(params) * (steps + on.row * -(-params["conv"]["out_channels"] // on.lanes)))


def _known(params: Params, on: Sparse) -> dict[str, int]:
    known = {"VECTORS": vectors(params, on)}
    if not on.signed and on.element < 4:
        known["BOUNDED"] = params["bounded"]
    return known | {"NARROW": int(params.get("w_plain") == NARROW)} if on.level == "aarch64" else known


Family("sparse", "sparse_q8", "NCHW", {"w": "sparse 1"}, takes_scratch=True).add(
    "sparse_conv_q8", "q8 x, q8 w -> q8 y", refuses=_refuses
)
Family("sparse", "sparse_f32", "NCHW", {"w": "sparse_floats 0"}, takes_scratch=True).add(
    "sparse_conv_f32", "f32 x, q8 w -> f32 y", refuses=_refuses
)


def _add(on: Sparse, element: str, packing: str) -> None:
    """The kernels of a level for many rows, and for few."""
    name = f"{element}_{identifier(on.level)}"
    narrow = {"NARROW": 0} if on.level == "aarch64" else {}
    variant(
        f"sparse_conv_{element}",
        f"sparse_conv_{name}",
        partial(_refuses_signed, on=on),
        level=on.level,
        layout="NHWC",
        packing={"w": packing},
        scratch=partial(_scratch, on=on),
        cost=partial(_cost, on=on),
        template=f"lissom_sparse_{element}.h",
        constants=narrow,
        known=partial(_known, on=on),
    )
    row: dict[str, Any] = {
        "packing": {"w": f"sparse_rows {on.lanes} {on.parts * on.lanes} {on.element}"},
        "scratch": partial(_row_scratch, on=on),
        "cost": partial(_row_cost, on=on),
    }
    if on.parts == 0:
        row = {
            "packing": {"w": f"windows {2 if element == 'q8' and narrow else 4}"},
            "scratch": partial(_window_scratch, on=on),
            "cost": partial(_window_cost, on=on),
            "constants": narrow,
            "known": lambda params: {**_known(params, on), "VECTORS": row_vectors(params)},
        }
    variant(
        f"sparse_conv_{element}",
        f"sparse_row_{name}",
        partial(_refuses_images, on=on),
        level=on.level,
        layout="NHWC",
        template=f"lissom_sparse_row_{element}.h",
        **row,
    )
    if on.pick:
        variant(
            f"sparse_conv_{element}",
            f"sparse_rows_{name}",
            partial(_refuses_long_rows, on=on),
            level=on.level,
            layout="NHWC",
            packing=row["packing"],
            cost=partial(_short_rows_cost, on=on),
            template=f"lissom_sparse_rows_{element}.h",
            known=partial(_row_tile, on=on),
        )


for _level in LEVELS:
    _add(_level, "q8", f"sparse 4 {_level.element}")
for _level in FLOATS:
    _add(_level, "f32", "sparse_floats 1")
