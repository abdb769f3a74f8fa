"""Convolutions by register tiles on AArch64: which tiles there are, and what each costs, in instructions.

A tile is some columns of an output row by some vectors of four output channels. Sixteen bytes of a column are read at
once, and picked from by lane; weights of up to four vectors are read by one instruction.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod

from lissom.kernels import references  # noqa: F401  # variants come after them
from lissom.kernels.depthwise import CODE
from lissom.kernels.kernel import Params, Refusal, identifier
from lissom.kernels.registry import variant
from lissom.kernels.tiles import element_bytes, geometry, padded_bytes, run_length, step_bytes

REGISTERS = 32
LANES = 4
SLACK = 16
"""Bytes that may be read behind a copy of x."""


NARROW = 2
"""The ``w_plain`` of weights of which none is -128."""

KNOWN = ("STEP", "LENGTH", "RUNS", "COPIED", "WHOLE", "NARROW")
"""Constants that the parameters of a layer give."""


@dataclass(frozen=True)
class Unit:
    """What the instructions that a level multiplies by do."""

    level: str
    channels: int
    """Of a vector of weights, 16 bytes."""
    piece: int
    """Bytes of a run that lie together in it."""
    each: float
    """Instructions for a vector of weights and a column."""
    pick: float
    """The same for 4 bytes of a column, whatever the weights."""
    spare: int
    """Registers for other things than sums, columns and weights."""

    @property
    def depth(self) -> int:
        """Bytes of a run in a vector of weights."""
        return 16 // self.channels


UNITS = (
    Unit("aarch64+i8mm", channels=2, piece=8, each=0.5, pick=0.5, spare=0),
    Unit("aarch64+dotprod", channels=4, piece=4, each=1, pick=0, spare=0),
    Unit("aarch64", channels=4, piece=2, each=3, pick=1, spare=4),
)


FLOATS = Unit("aarch64", channels=4, piece=4, each=1, pick=0, spare=0)
"""A float is multiplied as four bytes are by dot products."""


def sizes(unit: Unit) -> list[tuple[int, int]]:
    """(rows, vectors) of the tiles whose sums, weights and columns fit in the registers."""
    held = 0.5 if unit.channels == 2 else 1  # registers a column: of a matrix, two share one
    return [
        (rows, vectors)
        for vectors in (1, 2, 3, 4, 5, 6, 8)
        for rows in range(1, 17)
        if rows * vectors + min(vectors, 4) + rows * held + unit.spare <= REGISTERS and rows * held % 1 == 0
    ]


def is_copied(params: Params) -> bool:
    """Whether tiles read a copy of x: one with a border, or in which reading behind a run does no harm."""
    element = element_bytes(params)
    return padded_bytes(params, element) > 0 or run_length(params, element) % 4 > 0


def scratch_bytes(params: Params) -> int:
    """Bytes of the copy, and behind it."""
    c = geometry(params)
    whole = padded_bytes(params, element_bytes(params)) or prod(c["in"]) * c["in_channels"] * c["groups"]
    return int(whole) + SLACK if is_copied(params) else 0


def _refusal(rows: int) -> Refusal:
    def refuses(params: Params) -> str | None:
        if "conv" in params and (why := _not_signed(params)):
            return why
        c = geometry(params)
        if c["groups"] > 1 == c["in_channels"]:
            return "groups of one channel"
        columns = c["out"][2]
        return f"a tile of {rows} columns for {columns}" if columns < rows else None

    return refuses


def _not_signed(params: Params) -> str | None:
    if not params["w_plain"] or not params["x"]["flip"] or params["y"]["low"] + params["y"]["zero"] >= 0:
        return "int8 weights with zero point 0 and int8 activations are wanted"
    return "an addend of int8 is wanted" if params["skip"]["ratio"] and not params["skip"]["flip"] else None


def _cost(params: Params, unit: Unit, rows: int, vectors: int) -> float:
    """Instructions of all tiles: those of the sums, then of what follows them."""
    c = geometry(params)
    panels = c["groups"] * -(-c["out_channels"] // (vectors * LANES))
    tiles = c["batch"] * panels * c["out"][0] * c["out"][1] * -(-c["out"][2] // rows)
    element = element_bytes(params)
    length = run_length(params, element)
    runs = prod(c["kernel"]) * c["in_channels"] * element // length
    fours = -(-length // unit.depth) * unit.depth / 4
    loads = -(-vectors // 4)
    sums = fours * (rows * (vectors * unit.each + unit.pick) + loads) + -(-length // 16) * (rows + 3)
    step = step_bytes(params, element, is_copied(params))
    sums += rows * -(-length // 16) if step % 16 and step * rows > 255 else 0
    ends = rows * vectors * 5.5 + rows * loads + 25
    return float(tiles * (runs * (sums + 4) + ends))


def _known(params: Params, vectors: int) -> dict[str, int]:
    c, element = geometry(params), element_bytes(params)
    length = run_length(params, element)
    runs = c["kernel"][2] * c["in_channels"] * element // length
    whole = int(c["out_channels"] % (vectors * LANES) == 0)
    return {
        "STEP": step_bytes(params, element, is_copied(params)),
        "LENGTH": length,
        "RUNS": runs,
        "COPIED": int(is_copied(params)),
        "WHOLE": whole,
        "NARROW": int(params.get("w_plain") == NARROW),
    }


def _add(task: str, unit: Unit, packing: str) -> None:
    for rows, vectors in sizes(unit):
        variant(
            task,
            f"{task}_{identifier(unit.level)}_{rows}x{vectors}",
            _refusal(rows),
            level=unit.level,
            layout="NHWC",
            apart=True,
            packing={"w": packing.format(vectors)},
            scratch=scratch_bytes,
            cost=partial(_cost, unit=unit, rows=rows, vectors=vectors),
            template=f"lissom_{task}_tile.h",
            constants={"ROWS": rows, "VECTORS": vectors, **dict.fromkeys(KNOWN, 0)},
            known=partial(_known, vectors=vectors),
        )


for _unit in UNITS:
    _add("conv_q8", _unit, f"blocks {{}} {_unit.channels} {_unit.piece}")
_add("conv_f32", FLOATS, f"panels {LANES} {{}} 4")


# ---- depthwise

BLOCK = 16
"""Channels at once."""

COLUMNS = {"aarch64+dotprod": (1, 2, 3, 4, 5), "aarch64": (1, 2, 3, 4)}
"""For each level how many columns tiles of it may have: dot products keep the sums of all in registers."""


def merged_pixels(params: Params) -> int:
    """Neighbours that are taken as one pixel, where one has too few channels."""
    c = geometry(params)
    fits = BLOCK % c["groups"] == 0 and c["stride"][2] == 1
    return int(BLOCK // c["groups"]) if fits else 1


def _depthwise_scratch(params: Params) -> int:
    c = geometry(params)
    whole = padded_bytes(params, 1)
    if not whole and c["groups"] % BLOCK:
        whole = prod(c["in"]) * c["groups"]
    return int(whole) + SLACK if whole else 0


def _depthwise_known(params: Params) -> dict[str, int]:
    c, merged = geometry(params), merged_pixels(params)
    _, height, width = c["kernel"]
    columns = max(
        (c["out"][2] - 1) * c["stride"][2] + (width - 1) * c["dilation"][2] + 1,
        c["pad"][2] + c["in"][2],
    )
    return {
        "HEIGHT": height,
        "WIDTH": width,
        "STRIDE": merged if merged > 1 else c["stride"][2],
        "DILATION": c["dilation"][2],
        "MERGED": merged,
        "PIXEL": c["groups"],
        "LINE": columns * c["groups"] * c["dilation"][1],
        "NARROW": int(params["w_plain"] == NARROW),
    }


def _depthwise_instructions(params: Params, level: str, columns: int) -> float:
    """Of the code for one tile."""
    known = _depthwise_known(params)
    height, width = known["HEIGHT"], known["WIDTH"]
    span = (columns - 1) * known["STRIDE"] + (width - 1) * known["DILATION"] + 1
    seen = min(span, columns * width)
    if level == "aarch64":
        taps, pairs = (
            height * width,
            (height * width + 1) // 2 if known["NARROW"] else 0,
        )
        each = 8 * pairs if pairs else 6 * taps
        return columns * (each + 30) + min(seen * height, columns * taps) + taps * columns / 2
    fours = -(-height // 4)
    return fours * (seen * (4 + min(height, 4)) + columns * width * 6) + 30 * columns


def _depthwise_refusal(level: str, columns: int) -> Refusal:
    def refuses(params: Params) -> str | None:
        c = geometry(params)
        if not c["groups"] > 1 == c["in_channels"] == c["out_channels"]:
            return "the convolution is not depthwise"
        if c["in"][0] * c["out"][0] * c["kernel"][0] > 1:
            return "a depthwise convolution over three axes"
        needed = columns * merged_pixels(params)
        if c["out"][2] < needed:
            return f"{needed} columns at once for {c['out'][2]}"
        if columns > 1 and _depthwise_instructions(params, level, columns) > CODE:
            return f"{columns} columns at once are too much code"
        return _not_signed(params)

    return refuses


def _depthwise_cost(params: Params, level: str, columns: int) -> float:
    c, merged = geometry(params), merged_pixels(params)
    blocks = -(-c["groups"] // BLOCK)
    tiles = c["batch"] * blocks * c["out"][1] * -(-c["out"][2] // (columns * merged))
    return float(tiles * (15 + _depthwise_instructions(params, level, columns)))


for _level, _all in COLUMNS.items():
    for _columns in _all:
        variant(
            "conv_q8",
            f"depthwise_q8_{identifier(_level)}_{_columns}",
            _depthwise_refusal(_level, _columns),
            level=_level,
            layout="NHWC",
            packing={"w": f"taps {1 if _level == 'aarch64' else 4}"},
            scratch=_depthwise_scratch,
            cost=partial(_depthwise_cost, level=_level, columns=_columns),
            template="lissom_depthwise_q8.h",
            constants={"COLUMNS": _columns},
            known=_depthwise_known,
        )
