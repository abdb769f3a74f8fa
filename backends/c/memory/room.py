"""What a kernel's scratch memory costs: the arena may have to grow for it.

Kernels are chosen layer by layer, and where the arena is fullest is known only when all are. So a program is built, and
where scratch memory made its arena larger, built again by a chooser that knows how much each layer may take.
"""

from __future__ import annotations

from lissom.backends.c.program import Buffer, Kind, Program
from lissom.backends.c.times import job
from lissom.kernels.table import Room


def rooms(program: Program) -> dict[str, Room]:
    """For the jobs whose scratch memory makes the arena of a placed program larger than all else needs, how much would
    not."""
    calls = program.calls
    scratch = {piece.scratch for call in calls for piece in call.pieces}
    lives: dict[Buffer, tuple[int, int]] = {}
    outside = {b for call in calls for b in call.touched() if b.kind in (Kind.input, Kind.output)}
    for step, call in enumerate(calls):
        for buffer in call.touched():
            if buffer.kind is Kind.arena and buffer not in scratch:
                lives[buffer] = (lives.get(buffer, (step, step))[0], step)
    needed = [0] * len(calls)
    for buffer, (first, last) in lives.items():
        for step in range(first, last + 1):
            needed[step] += buffer.nbytes
    peak = max(needed, default=0)
    whole = peak + sum(b.nbytes for b in outside)  # next to no arena, any scratch memory looks large
    found: dict[str, Room] = {}
    for call, bytes_needed in zip(calls, needed, strict=True):
        free = peak - bytes_needed
        if sum(piece.scratch.nbytes for piece in call.pieces if piece.scratch is not None) > free:
            name = job(call.kernel.task.name, call.params)
            found[name] = min(found.get(name, Room(free, whole)), Room(free, whole))
    return found
