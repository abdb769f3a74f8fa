"""Limits for RAM and flash, and the table of who takes how much where one is exceeded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lissom.backends.c.footprint import Footprint
from lissom.backends.c.program import Buffer, Kind, Program
from lissom.ir.errors import DataError, Error

ROWS = 12
"""The largest of each kind are listed, and what is left in one row."""


@dataclass(frozen=True)
class Budget:
    """Bytes that may be taken; None: as many as it needs."""

    ram: int | None = None
    flash: int | None = None


UNLIMITED = Budget()


class OverBudget(Error):
    """A network takes more memory than it may."""


def parse_size(text: str) -> int:
    """``65536``, ``64K`` or ``1M``, in units of 1024. Raises DataError for anything else."""
    found = re.fullmatch(r"(\d+)\s*([kKmM]?)(?:i?[bB])?", text.strip())
    if found is None:
        raise DataError(f"{text!r} is no size; sizes look like 64K, 1M or 65536")
    return int(found[1]) << {"": 0, "k": 10, "m": 20}[found[2].lower()]


def ram(program: Program, stack: int, variables: int = 0) -> int:
    """What a call needs of RAM besides its inputs and outputs: the arena, the stack and variables."""
    return program.arena_bytes + stack + variables


def check(program: Program, budget: Budget, found: Footprint | None, stack_bound: int) -> None:
    """Raise OverBudget, with a table, where a program takes more than it may. ``found`` is None where there was no
    compiler to ask: then weights count alone, and ``stack_bound`` for the stack."""
    weights = sum(w.nbytes for w in program.weights)
    flash = weights if found is None else found.flash
    stack = stack_bound if found is None else found.stack
    needed = ram(program, stack, 0 if found is None else found.variables)
    lines: list[str] = []
    if budget.ram is not None and needed > budget.ram:
        lines += [f"RAM: {needed:,} bytes of {budget.ram:,}", *_ram(program, stack)]
    if budget.flash is not None and flash > budget.flash:
        lines += [f"flash: {flash:,} bytes of {budget.flash:,}", *_flash(program, found)]
    if lines:
        raise OverBudget("\n".join([f"{program.name} for {program.target} takes more memory than it may", *lines]))


def _ram(program: Program, stack: int) -> Iterator[str]:
    own = program.levels[0] if program.levels else program
    live = list(_live(own))
    peak = max(range(len(live)), key=lambda i: sum(live[i].values()), default=0)
    yield _row("arena", program.arena_bytes)
    if live:
        yield f"    at its peak, layer {peak}, {_label(own, peak)}:"
        names = _producers(own)
        yield from _largest((names.get(b, b.name or "scratch"), n) for b, n in live[peak].items())
        yield "    by layer:"
        yield from _largest((f"{i}, {_label(own, i)}", sum(of.values())) for i, of in enumerate(live))
    yield _row("stack", stack)


def _flash(program: Program, found: Footprint | None) -> Iterator[str]:
    yield _row("weights", sum(w.nbytes for w in program.weights) if found is None else found.weights)
    yield from _largest(_weights(program.levels[0] if program.levels else program))
    if found is not None:
        yield _row("code", found.code_bytes)
        yield from _largest(found.code.items())


def _live(program: Program) -> Iterator[dict[Buffer, int]]:
    """For each layer the buffers of the arena that have to be kept while it runs."""
    spans: dict[Buffer, tuple[int, int]] = {}
    for i, layer in enumerate(program.layers):
        for call in layer.calls:
            for buffer in call.touched():
                if buffer.kind is Kind.arena:
                    spans[buffer] = spans.get(buffer, (i, i))[0], i
    for i in range(len(program.layers)):
        yield {b: b.nbytes for b, (first, last) in spans.items() if first <= i <= last}


def _producers(program: Program) -> dict[Buffer, str]:
    """The layer that first writes each buffer."""
    found: dict[Buffer, str] = {}
    for i, layer in enumerate(program.layers):
        for call in layer.calls:
            for place in call.writes:
                found.setdefault(place.resolve().buffer, f"result of {i}, {_label(program, i)}")
            for piece in call.pieces:
                if piece.scratch is not None:
                    found.setdefault(piece.scratch, f"scratch of {i}, {_label(program, i)}")
    return found


def _weights(program: Program) -> Iterator[tuple[str, int]]:
    """Each layer's constants; those that several share stand with the first."""
    seen: set[int] = set()
    for i, layer in enumerate(program.layers):
        own = {id(b): b.nbytes for call in layer.calls for b in call.touched() if b.kind is Kind.weights}
        yield f"{i}, {_label(program, i)}", sum(n for k, n in own.items() if k not in seen)
        seen |= own.keys()


def _label(program: Program, layer: int) -> str:
    op = program.layers[layer].op
    return f"{op.op_type} {op.name}"


def _largest(rows: Iterable[tuple[str, int]]) -> Iterator[str]:
    ranked = sorted(((n, label) for label, n in rows if n), key=lambda r: -r[0])
    for n, label in ranked[:ROWS]:
        yield _row(f"    {label}", n)
    if rest := ranked[ROWS:]:
        yield _row(f"    {len(rest)} more", sum(n for n, _ in rest))


def _row(label: str, nbytes: int) -> str:
    return f"  {label:60.60} {nbytes:>10,}"
