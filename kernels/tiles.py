"""Convolutions by register tiles: which tiles there are, and what each costs.

A tile is some columns of an output row by some vectors of output channels, in registers. Many rows use each vector of
weights often, many vectors each activation; both together are bounded by the registers. What fits a layer best depends
on its width and channels, so the choice is by cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from lissom.kernels import references  # noqa: F401  # variants come after them
from lissom.kernels.kernel import Params
from lissom.kernels.registry import variant


@dataclass(frozen=True)
class Machine:
    """What the cost of a tile depends on: lanes of a vector, registers, and per cycle dot products and loads."""

    level: str
    lanes: int
    registers: int
    dots: float
    loads: float
    latency: int = 5
    uops_per_dot: int = 1


MACHINES = (Machine("avx512vnni", lanes=16, registers=32, dots=2, loads=2),)


def tile_sizes(machine: Machine) -> list[tuple[int, int]]:
    """(rows, vectors) of the tiles whose sums, weights and one activation fit in the registers."""
    spare = 1 + (machine.uops_per_dot > 1) * 2
    return [
        (rows, vectors)
        for vectors in range(1, 9)
        for rows in range(1, 17)
        if rows * vectors + vectors + spare <= machine.registers
    ]


def run_length(params: Params) -> int:
    """Contiguous bytes of a channels-last activation under the kernel in one row."""
    conv = params["conv"]
    apart = conv["dilation"][2] > 1 or conv["groups"] > 1
    return int(conv["in_channels"] * (1 if apart else conv["kernel"][2]))


def padded_size(params: Params) -> int:
    """Elements of one activation with its border; 0 where it has none."""
    c = params["conv"]
    reach = [
        (o - 1) * s + (k - 1) * d + 1
        for o, s, k, d in zip(c["out"], c["stride"], c["kernel"], c["dilation"], strict=True)
    ]
    size = [max(r, p + i) for r, p, i in zip(reach, c["pad"], c["in"], strict=True)]
    return 0 if size == list(c["in"]) else int(prod(size) * c["in_channels"] * c["groups"])


def _refusal(rows: int) -> Callable[[Params], str | None]:
    def refuses(params: Params) -> str | None:
        if not params["w_plain"] or params["x"]["flip"] or params["skip"]["flip"]:
            return "int8 weights with zero point 0 and uint8 activations are wanted"
        if params["conv"]["groups"] > 1 and params["conv"]["in_channels"] < 4:
            return "groups of fewer than 4 channels"
        columns = params["conv"]["out"][2]
        return f"a tile of {rows} columns for {columns}" if columns < rows else None

    return refuses


def _cost(machine: Machine, rows: int, vectors: int) -> Callable[[Params], float]:
    """Cycles of all tiles: the busiest of multipliers, loads and the chain of sums, then requantization."""

    def cost(params: Params) -> float:
        c = params["conv"]
        panels = c["groups"] * -(-c["out_channels"] // (vectors * machine.lanes))
        tiles = c["batch"] * panels * c["out"][0] * c["out"][1] * -(-c["out"][2] // rows)
        runs = c["kernel"][0] * c["kernel"][1] * c["kernel"][2] * c["in_channels"] // run_length(params)
        groups = runs * -(-run_length(params) // 4)
        dots = rows * vectors * machine.uops_per_dot / machine.dots
        each = max(dots, (rows + vectors) / machine.loads, machine.latency)
        return float(tiles * (groups * each + 4 * rows * vectors + 4 * runs + 10))

    return cost


for _machine in MACHINES:
    for _rows, _vectors in tile_sizes(_machine):
        variant(
            "conv_q8",
            f"conv_q8_{_machine.level.replace('-', '_')}_{_rows}x{_vectors}",
            _refusal(_rows),
            level=_machine.level,
            layout="NHWC",
            packing={"w": f"panels {_machine.lanes} {_vectors}"},
            scratch=padded_size,
            cost=_cost(_machine, _rows, _vectors),
            template="lissom_conv_q8_tile.h",
            constants={"ROWS": _rows, "VECTORS": _vectors},
        )
