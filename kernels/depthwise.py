"""Depthwise convolutions: every channel by itself, vectors of channels at once, some columns of a row in registers.

What is read of the input under one column serves the next ones too, and weights serve all columns, so many columns are
better, until sums no longer fit in the registers or the row has too few columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import lcm

from lissom.kernels import references  # noqa: F401  # variants come after them
from lissom.kernels.kernel import Params, Refusal, identifier
from lissom.kernels.registry import variant
from lissom.kernels.tiles import element_bytes, geometry

POINTER = 8
"""Bytes of an address."""


@dataclass(frozen=True)
class Machine:
    """What the cost of a kernel depends on."""

    level: str
    lanes: int
    registers: int
    rate: float
    """Instructions on whole vectors per cycle."""
    dot: int = 1
    """Instructions of a dot product of four bytes, or of a multiply-accumulate of floats."""


def _widths(level: str, widest: int, registers: int, rate: float, dot: int) -> list[Machine]:
    """The vectors of a level, down to 4 lanes: narrow ones leave few lanes empty where there are few channels."""
    return [
        Machine(level, lanes, registers, rate if lanes == 16 else rate * 1.6, dot)
        for lanes in (16, 8, 4)
        if lanes <= widest
    ]


BYTES = (
    *_widths("avx512vnni", 16, registers=32, rate=2, dot=1),
    *_widths("avxvnni", 8, registers=16, rate=2, dot=1),
    *_widths("x86-64-v4", 16, registers=32, rate=2, dot=4),
    *_widths("x86-64-v3", 8, registers=16, rate=2, dot=4),
    *_widths("x86-64-v2", 4, registers=16, rate=2, dot=6),
)
FLOATS = (
    *_widths("x86-64-v4", 16, registers=32, rate=2, dot=1),
    *_widths("x86-64-v3", 8, registers=16, rate=2, dot=1),
    *_widths("x86-64-v2", 4, registers=16, rate=2, dot=2),
    *_widths("aarch64", 4, registers=32, rate=1, dot=1),
    *_widths("cortex-m55", 4, registers=8, rate=1, dot=1),
)

CODE = 550
"""Instructions that a tile may be unrolled to: about 4 KB."""


def span(params: Params, columns: int) -> int:
    """Input columns from the first to the last under the kernel at ``columns`` output columns."""
    c = geometry(params)
    return int((columns - 1) * c["stride"][2] + (c["kernel"][2] - 1) * c["dilation"][2] + 1)


def _instructions(params: Params, machine: Machine, columns: int, vectors: int) -> int:
    """Of the code for one block of channels."""
    c = geometry(params)
    _, height, width = c["kernel"]
    seen = min(span(params, columns), columns * width)
    if element_bytes(params) == 4:
        return vectors * int(seen * height + columns * (width * height * machine.dot + 4))
    fours = -(-height // 4)
    zips = (8 if height % 4 in (0, 3) else 7) + 2 * height // fours + (0 if machine.dot == 1 else 8)
    return int(fours * (seen * zips + 4 * columns * width * machine.dot) + 26 * columns)


def _refusal(machine: Machine, columns: int, vectors: int) -> Refusal:
    def refuses(params: Params) -> str | None:
        if "conv" in params and (not params["w_plain"] or params["x"]["flip"] or params["skip"]["flip"]):
            return "int8 weights with zero point 0 and uint8 activations are wanted"
        c = geometry(params)
        if not c["groups"] > 1 == c["in_channels"] == c["out_channels"]:
            return "the convolution is not depthwise"
        if c["in"][0] * c["out"][0] * c["kernel"][0] > 1:
            return "a depthwise convolution over three axes"
        if columns > 1 and _instructions(params, machine, columns, vectors) > CODE:
            return f"{columns} columns at once are too much code"
        return f"{columns} columns at once for {c['out'][2]}" if c["out"][2] < columns else None

    return refuses


def _cost(params: Params, machine: Machine, columns: int, vectors: int) -> float:
    """Cycles of all rows: the table of addresses, then the instructions of the tiles."""
    c = geometry(params)
    blocks = -(-c["groups"] * element_bytes(params) // (vectors * machine.lanes * 4))
    tile = 5 + blocks * (5 + _instructions(params, machine, columns, vectors) / machine.rate)
    tiles = -(-c["out"][2] // columns)
    return float(c["batch"] * c["out"][1] * (_addresses(params) / 4 + tiles * tile))


def _scratch(params: Params, block: int) -> int:
    """Bytes of the table, of a pixel of the border, and of a copy of the end of x with as much behind it."""
    reach = -(-geometry(params)["groups"] * element_bytes(params) // block) * block
    return int(POINTER * _addresses(params) + 3 * reach)


def _addresses(params: Params) -> int:
    """Pixels that an output row sees."""
    c = geometry(params)
    return int(c["kernel"][1] * span(params, c["out"][2]))


def _known(params: Params) -> dict[str, int]:
    """The kernel, and its steps along a row; for bytes, whether no sum has to be cut off."""
    c = geometry(params)
    names = {"HEIGHT": ("kernel", 1), "WIDTH": ("kernel", 2), "STRIDE": ("stride", 2), "DILATION": ("dilation", 2)}
    found = {name: c[key][axis] for name, (key, axis) in names.items()}
    return found | {"BOUNDED": params["bounded"]} if "conv" in params else found


LONGEST = 9
"""Blocks until channels lie in one as in the first: weights are stored once for each."""


def _period(params: Params, machine: Machine) -> int:
    channels = geometry(params)["groups"]
    return int(lcm(channels, 4 * machine.lanes) // (4 * machine.lanes))


def _flat_refusal(machine: Machine) -> Refusal:
    def refuses(params: Params) -> str | None:
        if reason := _refusal(machine, 1, 1)(params):
            return reason
        if geometry(params)["stride"][2] > 1:
            return "columns that are not neighbours"
        if _instructions(params, machine, 1, 1) > CODE:
            return "a large kernel is too much code"
        return "too many channels that lie differently" if _period(params, machine) > LONGEST else None

    return refuses


def _flat_sizes(params: Params, machine: Machine) -> tuple[int, int]:
    """Bytes of a row of results in whole blocks, and of a row as they read it."""
    c, block = geometry(params), 4 * machine.lanes
    whole = -(-c["out"][2] * c["groups"] // block) * block
    return whole, whole + (c["kernel"][2] - 1) * c["dilation"][2] * c["groups"]


def _flat_scratch(params: Params, machine: Machine) -> int:
    """Bytes of the rows that an output row sees, of one of the border, of an addend and of results."""
    whole, row = _flat_sizes(params, machine)
    c = geometry(params)
    return int(((c["kernel"][1] - 1) * c["dilation"][1] + 2) * row + 2 * whole)


def _flat_cost(params: Params, machine: Machine) -> float:
    """Cycles of all rows: a copy, then blocks."""
    whole, row = _flat_sizes(params, machine)
    c = geometry(params)
    blocks = whole // (4 * machine.lanes) * (5 + _instructions(params, machine, 1, 1) / machine.rate)
    return float(c["batch"] * c["out"][1] * (40 + row * c["stride"][1] / 32 + blocks))


def _flat_known(params: Params, machine: Machine) -> dict[str, int]:
    known = {"CHANNELS": geometry(params)["groups"], "PERIOD": _period(params, machine), **_known(params)}
    return {name: value for name, value in known.items() if name != "STRIDE"}


def _add_flat(machine: Machine) -> None:
    variant(
        "conv_q8",
        f"depthwise_q8_{identifier(machine.level)}_flat",
        _flat_refusal(machine),
        level=machine.level,
        layout="NHWC",
        apart=True,
        packing={"w": f"depthwise {machine.lanes} {1 if machine.dot == 1 else 2} 1"},
        scratch=partial(_flat_scratch, machine=machine),
        cost=partial(_flat_cost, machine=machine),
        template="lissom_depthwise_q8_flat.h",
        constants={"BITS": 32 * machine.lanes},
        known=partial(_flat_known, machine=machine),
    )


def _add(task: str, machine: Machine, columns: int, vectors: int, packing: str, **constants: int) -> None:
    block = vectors * machine.lanes * 4
    variant(
        task,
        f"depthwise_{task.rpartition('_')[2]}_{identifier(machine.level)}_{columns}x{vectors}x{machine.lanes}",
        _refusal(machine, columns, vectors),
        level=machine.level,
        layout="NHWC",
        apart=True,
        packing={"w": packing},
        scratch=partial(_scratch, block=block),
        cost=partial(_cost, machine=machine, columns=columns, vectors=vectors),
        template=f"lissom_depthwise_{task.rpartition('_')[2]}.h",
        constants={"BITS": 32 * machine.lanes, "COLUMNS": columns, **constants},
        known=_known,
    )


for _machine in BYTES:
    for _columns in range(1, (_machine.registers - 8) // 4 + 1):
        _add("conv_q8", _machine, _columns, 1, f"depthwise {_machine.lanes} {1 if _machine.dot == 1 else 2}")
for _machine in FLOATS:
    for _vectors in (1, 2):
        for _columns in range(1, min(8, _machine.registers // 2) // _vectors + 1):
            _add("conv_f32", _machine, _columns, _vectors, f"depthwise {_machine.lanes * _vectors} 4", VECTORS=_vectors)
for _machine in {m.level: m for m in reversed(BYTES)}.values():  # the widest vectors of each level
    _add_flat(_machine)
