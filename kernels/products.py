"""Products of two activations by register tiles: rows of one by columns of the other, which are packed as they come."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lissom.kernels import references  # noqa: F401  # variants come after them
from lissom.kernels.kernel import Params, identifier
from lissom.kernels.registry import variant
from lissom.kernels.tiles import FLOATS, INTEGERS, NEON_FLOATS, Machine, cycles_a_group, cycles_after, tile_sizes


def _matmul(params: Params) -> Params:
    """The ``lissom_matmul_params``."""
    found: Params = params.get("matmul", params)
    return found


def _depth(params: Params, machine: Machine) -> int:
    """Bytes of a row of a as tiles read it: words come in pairs."""
    k = int(_matmul(params)["k"])
    return -(-k // 2) * 4 if machine.element == 2 else k * machine.element


def _refusal(machine: Machine, rows: int) -> Callable[[Params], str | None]:
    def refuses(params: Params) -> str | None:
        p = _matmul(params)
        if params is not p and (params["a"]["flip"] or params["b_zero_stride"] or p["c_n"] or p["c_m"]):
            return "a of uint8, one zero point for b and no bias are wanted"
        if params is p and p["beta"]:
            return "no addend is wanted"
        if p["a_k"] != 1:
            return "rows of a that do not lie together"
        if p["m"] < rows:
            return f"a tile of {rows} rows for {p['m']}"
        return "rows of fewer than four bytes" if _depth(params, machine) < 4 else None

    return refuses


def _scratch(params: Params, machine: Machine, vectors: int) -> int:
    """A panel, and for integers a number a row of a, or its rows as words."""
    depth, columns = -(-_depth(params, machine) // 4) * 4, vectors * machine.lanes
    head, beside = {1: (8, 4), 2: (8, depth), 4: (0, 0)}[machine.element]
    return columns * (head + depth) + int(_matmul(params)["m"]) * beside


def _cost(params: Params, machine: Machine, rows: int, vectors: int) -> float:
    """Cycles of all tiles, sums and what follows them, and of packing whole panels."""
    p = _matmul(params)
    panels = -(-p["n"] // (vectors * machine.lanes))
    groups = -(-_depth(params, machine) // 4)
    each = cycles_a_group(machine, rows, vectors, groups)
    tiles = -(-p["m"] // rows) * (groups * each + cycles_after(machine, rows, vectors))
    return float(panels * (tiles + 2 * groups * vectors))


def _known(params: Params, machine: Machine) -> dict[str, int]:
    """Bytes from one row of a to the next, and of a row."""
    depth = _depth(params, machine)
    return {"STEP": depth if machine.element == 2 else _matmul(params)["a_m"] * machine.element, "DEPTH": depth}


def _add(task: str, machines: tuple[Machine, ...]) -> None:
    for machine in machines:
        for rows, vectors in tile_sizes(machine):
            variant(
                task,
                f"{task}_{identifier(machine.level)}_{rows}x{vectors}",
                _refusal(machine, rows),
                level=machine.level,
                scratch=partial(_scratch, machine=machine, vectors=vectors),
                cost=partial(_cost, machine=machine, rows=rows, vectors=vectors),
                template=f"lissom_{task}_tile.h",
                constants={"ROWS": rows, "VECTORS": vectors, "STEP": 0, "DEPTH": 0},
                known=partial(_known, machine=machine),
            )


_add("matmul_q8", INTEGERS)
_add("matmul_f32", (*FLOATS, NEON_FLOATS))
