"""Products of two activations by register tiles: rows of one by columns of the other, which are packed as they come."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lissom.kernels import references  # noqa: F401  # variants come after them
from lissom.kernels.kernel import Params, identifier
from lissom.kernels.neon import LANES, UNITS, Unit, sizes
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
    each = cycles_a_group(machine, rows, vectors, groups, _known(params, machine)["STEP"])
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


# ---- bytes on AArch64: the tiles of convolutions, whose panels are packed as they come


def _neon_refusal(rows: int) -> Callable[[Params], str | None]:
    def refuses(params: Params) -> str | None:
        p = params["matmul"]
        if not params["a"]["flip"] or not params["b_flip"] or params["y"]["low"] + params["y"]["zero"] >= 0:
            return "int8 activations are wanted"
        if params["b_zero_stride"] or p["c_n"] or p["c_m"]:
            return "one zero point for b and no bias are wanted"
        if p["a_k"] != 1 or 1 not in (p["b_k"], p["b_n"]):
            return "rows of a, and rows or columns of b, that do not lie together"
        return f"a tile of {rows} rows for {p['m']}" if p["m"] < rows else None

    return refuses


def _neon_known(params: Params, vectors: int) -> dict[str, int]:
    p = params["matmul"]
    copied = int(p["k"] % 4 > 0)
    step = -(-p["k"] // 16) * 16 if copied else p["a_m"]
    return {"STEP": step, "LENGTH": p["k"], "COPIED": copied, "WHOLE": int(p["n"] % (vectors * LANES) == 0)}


def _neon_scratch(params: Params, vectors: int) -> int:
    """A panel, a number a row of a, and copies of rows."""
    known, p = _neon_known(params, vectors), params["matmul"]
    depth = -(-p["k"] // 16) * 16
    return int(vectors * LANES * (8 + depth) + p["m"] * (4 + known["COPIED"] * known["STEP"]))


def _neon_cost(params: Params, unit: Unit, rows: int, vectors: int) -> float:
    """Instructions of all tiles, and of packing panels."""
    p = params["matmul"]
    panels, fours, loads = -(-p["n"] // (vectors * LANES)), -(-p["k"] // 4), -(-vectors // 4)
    sums = fours * (rows * (vectors * unit.each + unit.pick) + loads) + fours / 4 * (rows + 3)
    tiles = -(-p["m"] // rows) * (sums + rows * vectors * 6.5 + rows * loads + 25)
    return float(panels * (tiles + fours * vectors * 12))


for _unit in UNITS[1:]:
    for _rows, _vectors in sizes(_unit):
        if _vectors in (2, 4, 8) and _rows <= 5:
            variant(
                "matmul_q8",
                f"matmul_q8_{identifier(_unit.level)}_{_rows}x{_vectors}",
                _neon_refusal(_rows),
                level=_unit.level,
                scratch=partial(_neon_scratch, vectors=_vectors),
                cost=partial(_neon_cost, unit=_unit, rows=_rows, vectors=_vectors),
                template="lissom_matmul_q8_tile.h",
                constants={"ROWS": _rows, "VECTORS": _vectors, "NARROW": 0},
                known=partial(_neon_known, vectors=_vectors),
            )


_add("matmul_q8", INTEGERS)
_add("matmul_f32", (*FLOATS, NEON_FLOATS))
