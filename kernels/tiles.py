"""Convolutions by register tiles: which tiles there are, and what each costs.

A tile is some columns of an output row by some vectors of output channels, in registers. Many rows use each vector of
weights often, many vectors each activation; both together are bounded by the registers. What fits a layer best depends
on its width and channels, so the choice is by cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import gcd, prod

from lissom.kernels import references  # noqa: F401  # variants come after them
from lissom.kernels.kernel import Params, identifier
from lissom.kernels.registry import variant


@dataclass(frozen=True)
class Machine:
    """What the cost of a tile depends on: lanes of a vector, registers, and per cycle dot products and loads."""

    level: str
    lanes: int
    registers: int
    element: int
    """Bytes of each factor of a dot product."""
    dots: float = 2
    """Dot products of a whole vector per cycle: four bytes a lane, two words or one float."""
    loads: float = 2
    latency: int = 5
    """Cycles from one sum to the next."""
    cache: int = 24 * 1024
    """Bytes of a panel that stay in the first cache; a larger one comes from the second for every tile."""
    after: float = 4
    """Cycles that each sum of a tile takes on its way to results, where all channels are there."""
    after_some: float = 4
    """The same where some are missing."""
    spare: int = 1
    """Registers for an activation, and for a product where that is not added in the same step."""


INTEGERS = (
    Machine("avx512vnni", lanes=16, registers=32, element=1, after=3.5, after_some=10),
    Machine("avxvnni", lanes=8, registers=16, element=1, latency=6),
    Machine("x86-64-v4", lanes=16, registers=32, element=2, dots=0.9, latency=1, after=3.5, spare=2),
    Machine("x86-64-v3", lanes=8, registers=16, element=2, dots=1.4, latency=1, spare=2),
    Machine("x86-64-v2", lanes=4, registers=16, element=2, dots=1.4, latency=1, spare=2),
)
HALVES = (Machine("avx512vnni", lanes=8, registers=32, element=1, dots=4, after=2),)
FLOAT_HALVES = (Machine("x86-64-v4", lanes=8, registers=32, element=4, dots=4, latency=4, after=1),)
"""Vectors of half the length, of which an odd number leaves fewer lanes empty: 8, 24 or 40 output channels."""
SMALL = (
    Machine("x86-64-v4", lanes=16, registers=32, element=1, dots=0.5, latency=1, after=3.5, spare=3),
    Machine("x86-64-v3", lanes=8, registers=16, element=1, dots=0.95, latency=1, spare=3),
    Machine("x86-64-v2", lanes=4, registers=16, element=1, dots=0.95, latency=1, spare=3),
)
"""Bytes by levels without exact dot products of them, where weights are at most half of what they could be."""
FLOATS = (
    Machine("x86-64-v4", lanes=16, registers=32, element=4, latency=4, after=2),
    Machine("x86-64-v3", lanes=8, registers=16, element=4, latency=5, cache=16 * 1024),
    Machine("x86-64-v2", lanes=4, registers=16, element=4, dots=1.4, latency=3, spare=2),
)
NEON_FLOATS = Machine("aarch64", lanes=4, registers=32, element=4, dots=1, loads=1, latency=1, cache=2**20)
"""For products of activations; convolutions have tiles of their own."""


def tile_sizes(machine: Machine) -> list[tuple[int, int]]:
    """(rows, vectors) of the tiles whose sums, weights and one activation fit in the registers."""
    return [
        (rows, vectors)
        for vectors in range(1, 9)
        for rows in range(1, 17)
        if rows * vectors + vectors + machine.spare <= machine.registers
    ]


def geometry(params: Params) -> Params:
    """The ``lissom_conv_params``."""
    found: Params = params.get("conv", params)
    return found


def run_length(params: Params, element: int) -> int:
    """Contiguous bytes of a channels-last activation, of so many bytes an element, under the kernel in one row."""
    conv = geometry(params)
    apart = conv["dilation"][2] > 1 or conv["groups"] > 1
    return int(conv["in_channels"] * (1 if apart else conv["kernel"][2]) * element)


def padded_bytes(params: Params, element: int) -> int:
    """Bytes of one activation as tiles read it, with its border; 0 where that is as it lies in memory."""
    c = geometry(params)
    names = ("out", "stride", "kernel", "dilation", "pad", "in")
    axes = zip(*(c[n] for n in names), strict=True)
    size = [max((out - 1) * stride + (k - 1) * step + 1, pad + given) for out, stride, k, step, pad, given in axes]
    as_it_lies = size == list(c["in"]) and element == element_bytes(params) and not _torn(params)
    return 0 if as_it_lies else int(prod(size) * c["in_channels"] * c["groups"] * element)


def _torn(params: Params) -> bool:
    """Whether what tiles read as a run, several pixels of x, lies apart."""
    c = geometry(params)
    across = c["kernel"][2] > 1 and c["dilation"][2] == c["groups"] == 1
    return bool(across and c["x_pixel"] != c["in_channels"])


def step_bytes(params: Params, element: int, is_copied: bool) -> int:
    """From one column's patch to the next, in a copy of x or as it lies in memory."""
    c = geometry(params)
    pixel = c["in_channels"] * c["groups"] if is_copied else c["x_pixel"]
    return int(c["stride"][2] * pixel * element)


def element_bytes(params: Params) -> int:
    """Bytes of an activation in memory: 1 where the parameters are those of 8-bit tensors, else those of a float."""
    return 1 if "conv" in params else 4


def refusal(rows: int) -> Callable[[Params], str | None]:
    """Why a tile of so many columns cannot take parameters."""

    def refuses(params: Params) -> str | None:
        if "conv" in params and (not params["w_plain"] or params["x"]["flip"] or params["skip"]["flip"]):
            return "int8 weights with zero point 0 and uint8 activations are wanted"
        c = geometry(params)
        if (c["groups"] > 1 and c["in_channels"] * element_bytes(params) < 4) or c["groups"] > 1 == c["in_channels"]:
            return "groups of too few channels"
        columns = c["out"][2]
        return f"a tile of {rows} columns for {columns}" if columns < rows else None

    return refuses


FROM_SECOND_CACHE = 32
"""Bytes per cycle."""
LINE = 64
"""Bytes of a line of a cache."""
WAY = 4096
"""Bytes after which addresses fall on the same lines of the first cache again."""
WAYS = 8
"""How many lines it has for them."""


def cycles_a_group(machine: Machine, rows: int, vectors: int, groups: int, step: int = 0) -> float:
    """Of a tile over four bytes of a row: the busiest of multipliers, loads and the chain of sums. A panel is so many
    groups long. Rows a ``step`` of bytes apart of which many fall on the same lines drive each other out."""
    vector = machine.lanes * 4
    again = groups * vectors * vector > machine.cache
    weights = vectors * (vector / FROM_SECOND_CACHE if again else 1 / machine.loads)
    together = -(-rows // (WAY // gcd(step, WAY))) if step else 1
    activations = rows * (LINE / FROM_SECOND_CACHE if together >= WAYS else 1 / machine.loads)
    return max(rows * vectors / machine.dots, activations + weights, machine.latency)


def cycles_after(machine: Machine, rows: int, vectors: int, whole: bool = True) -> float:
    """Cycles from the sums of a tile to its results; whether all its channels are there."""
    return (machine.after if whole else machine.after_some) * rows * vectors + 10


def _cost(machine: Machine, rows: int, vectors: int) -> Callable[[Params], float]:
    """Cycles of all tiles: those of the sums, then of what follows them."""

    def cost(params: Params) -> float:
        c = geometry(params)
        width = vectors * machine.lanes
        panels = -(-c["out_channels"] // width)
        whole = c["out_channels"] // width
        tiles = c["batch"] * c["groups"] * c["out"][0] * c["out"][1] * -(-c["out"][2] // rows)
        length = run_length(params, machine.element)
        runs = prod(c["kernel"]) * c["in_channels"] * machine.element // length
        groups = runs * -(-length // 4)
        step = _known(params, machine.element)["STEP"]
        sums = groups * cycles_a_group(machine, rows, vectors, groups, step) + 4 * runs
        after = [cycles_after(machine, rows, vectors, is_whole) for is_whole in (True, False)]
        return float(tiles * (panels * sums + whole * after[0] + (panels - whole) * after[1]))

    return cost


def _known(params: Params, element: int) -> dict[str, int]:
    """Bytes from one column's patch to the next, and of a run behind its whole groups; for bytes, whether none of their
    sums has to be cut off."""
    step = step_bytes(params, element, padded_bytes(params, element) > 0)
    found = {"STEP": step, "REST": run_length(params, element) % 4}
    return found | {"BOUNDED": params["bounded"]} if "conv" in params else found


def _small(rows: int) -> Callable[[Params], str | None]:
    def refuses(params: Params) -> str | None:
        return refusal(rows)(params) or (None if params["small"] else "weights above 64 or below -64")

    return refuses


def _add(task: str, machines: tuple[Machine, ...], kind: str = "", **constants: int) -> None:
    for machine in machines:
        for rows, vectors in tile_sizes(machine):
            if "BITS" in constants and vectors % 2 == 0:
                continue
            variant(
                task,
                f"{task}_{kind}{identifier(machine.level)}_{rows}x{vectors}",
                _small(rows) if "SMALL" in constants else refusal(rows),
                level=machine.level,
                layout="NHWC",
                apart=True,
                packing={"w": f"panels {machine.lanes} {vectors} {machine.element}"},
                scratch=partial(padded_bytes, element=machine.element),
                cost=_cost(machine, rows, vectors),
                template=f"lissom_{task}_tile.h",
                constants={"ROWS": rows, "VECTORS": vectors, "STEP": 0, "REST": 0, "BOUNDED": 0, **constants},
                known=partial(_known, element=machine.element),
            )


_add("conv_q8", INTEGERS)
_add("conv_q8", HALVES, "halves_", BITS=256)
_add("conv_q8", SMALL, "small_", SMALL=1)
_add("conv_f32", FLOATS)
_add("conv_f32", FLOAT_HALVES, "halves_", BITS=256)
