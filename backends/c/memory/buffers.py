"""Lets buffers share memory, then places them in the arena.

Copy elimination makes Concat, and outputs that are views, cost nothing: what is copied whole is computed in its
destination instead. Where channels lie last that destination is a part of each wider pixel, and what Split and Slice
take is one, too: calls that can step over the rest (``pixels.py``) read and write it there. In-place merging lets a
result take over the memory of an operand that dies with it.
"""

from __future__ import annotations

from dataclasses import replace

from lissom.backends.c.costs import call_cycles
from lissom.backends.c.geometry import contiguous, merged
from lissom.backends.c.memory.exact import plan_exactly
from lissom.backends.c.memory.pixels import respaced
from lissom.backends.c.memory.plan import Block, plan
from lissom.backends.c.program import Buffer, Call, Kind, Layer, Place, Program
from lissom.backends.c.threads.divide import divide
from lissom.kernels.kernel import Params

MANY_KERNELS = 32
"""Kernels of one layer each take a compiler half a second apiece: beyond so many, layers of little cost share some."""
SHARED_COST = 0.05
"""The part of all cycles that such layers may have; those of x86 are up to a twelfth slower then."""


def share_and_place(program: Program) -> None:
    """Decide where every buffer of the program lies, those of the parts of calls among them."""
    computed = {w.buffer for c in program.calls if c.kernel.task.name != "copy" for w in c.writes}
    for layer in program.layers:
        layer.calls[:] = [c for c in layer.calls if not _eliminate(c, computed)]
    count = -1
    while count != (count := len(program.calls)):
        accesses = _Accesses(program)
        for layer in program.layers:
            layer.calls[:] = [c for c in layer.calls if not _respace(c, computed, accesses)]
            _join_neighbours(layer)
    _settle(program)
    growing = _merge_in_place(program)
    if program.threads > 1:
        divide(program, program.threads)
    _place(program, growing)


def _eliminate(call: Call, computed: set[Buffer]) -> bool:
    """Make the source of a whole, plain copy a part of its destination.

    That holds the same bytes from then on, as long as only copies write to the destination (no kernel in ``computed``
    does, such as the fill of a Pad): copies go to separate parts, and nothing is overwritten before in-place merging.
    """
    if call.kernel.task.name != "copy" or call.params["rank"] != 1:
        return False
    source, target = call.arguments
    assert source is not None
    assert target is not None
    p, buffer = call.params, source.buffer
    size = p["size"][0] * p["element"]
    plain = p["x_stride"] == (1,) and p["y_stride"] == (1,) and p["x_offset"] == 0
    whole = buffer.kind is Kind.arena and buffer.inside is None and source.offset == 0 and size == buffer.nbytes
    destination = target.plus(p["y_offset"] * p["element"])
    if not plain or not whole or target.buffer in computed or destination.resolve().buffer is buffer:
        return False
    buffer.inside = destination
    return True


def _join_neighbours(layer: Layer) -> None:
    """Make copies of slices that lie side by side in the pixels of one image, and of another, a single one: a Concat
    may put together again what a Split took apart."""
    kept: list[Call] = []
    for call in layer.calls:
        if kept and _is_beside(kept[-1], call):
            before = kept[-1].params
            pixels, channels = before["size"]
            together = (pixels, channels + call.params["size"][1])
            size, x_stride, y_stride = merged(together, before["x_stride"], before["y_stride"])
            kept[-1].params = {**before, "rank": len(size), "size": size, "x_stride": x_stride, "y_stride": y_stride}
        else:
            kept.append(call)
    layer.calls[:] = kept


def _is_beside(one: Call, other: Call) -> bool:
    """Whether a copy goes on, in every pixel, where one before it ends."""
    p, q = one.params, other.params
    if not one.kernel.task.name == other.kernel.task.name == "copy" or not p["rank"] == q["rank"] == 2:
        return False
    same = all(p[name] == q[name] for name in ("x_stride", "y_stride", "element")) and p["size"][0] == q["size"][0]
    ends = []
    for params, call in ((p, one), (q, other)):
        places = [place.resolve() for place in call.arguments if place is not None]
        at = [place.offset + params[f"{side}_offset"] * p["element"] for place, side in zip(places, "xy", strict=True)]
        ends.append(([place.buffer for place in places], at))
    channels = p["size"][1] * p["element"]
    return (
        same
        and p["x_stride"][1] == p["y_stride"][1] == 1
        and ends[0][0] == ends[1][0]
        and [at + channels for at in ends[0][1]] == ends[1][1]
    )


class _Accesses:
    """Who reads and writes each buffer that is part of no other, and where: calls with the index of the argument."""

    def __init__(self, program: Program) -> None:
        self._of: dict[Buffer, list[tuple[Call, int]]] = {}
        self._results: dict[Buffer, list[Layer]] = {}
        for layer in program.layers:
            for call in layer.calls:
                for index, place in enumerate(call.arguments):
                    if place is not None:
                        self._of.setdefault(place.resolve().buffer, []).append((call, index))
            for place in layer.results:
                self._results.setdefault(place.resolve().buffer, []).append(layer)

    def of(self, buffer: Buffer, but: Call) -> list[tuple[Call, int]]:
        """Those of all calls but one."""
        return [access for access in self._of.get(buffer, []) if access[0] is not but]

    def join(self, part: Buffer, whole: Buffer, without: Call) -> None:
        """``part`` has become a part of ``whole``, and a call is gone that copied from one to the other."""
        self._of.setdefault(whole, []).extend(self._of.pop(part, []))
        self._of[whole] = [access for access in self._of[whole] if access[0] is not without]
        self._results.setdefault(whole, []).extend(self._results.pop(part, []))

    def forget_results(self, buffer: Buffer) -> None:
        """There is no result of a layer to look at where it lies in pieces."""
        for layer in self._results.pop(buffer, []):
            layer.results, layer.orders = [], []


def _respace(call: Call, computed: set[Buffer], accesses: _Accesses) -> bool:
    """Let an image that is copied into, or out of, the wider pixels of another be that part of the other's pixels:
    where all who read and write it can do with pixels that lie so far apart."""
    if call.kernel.task.name != "copy" or call.params["rank"] > 2:
        return False
    source, target = call.arguments
    assert source is not None
    assert target is not None
    p, element = call.params, call.params["element"]
    pixels, channels = p["size"] if p["rank"] == 2 else (p["size"][0], 1)
    steps = {"x": p["x_stride"], "y": p["y_stride"]}
    if p["rank"] == 1:
        steps = {side: (stride[0], 1) for side, stride in steps.items()}
    for side, image, other, wide in (("x", source, target, "y"), ("y", target, source, "x")):
        whole, pixel = other.plus(p[f"{wide}_offset"] * element).resolve(), steps[wide][0]
        buffer = image.resolve().buffer
        if (
            buffer.kind is not Kind.arena
            or whole.buffer is buffer
            or steps[side] != (channels, 1)
            or (image.resolve().offset, p[f"{side}_offset"]) != (0, 0)
            or buffer.nbytes != pixels * channels * element
            or steps[wide][1] != 1
            or pixel <= channels
            or (side == "x" and target.resolve().buffer in computed)
        ):
            continue
        others = accesses.of(buffer, but=call)
        if side == "y" and any(index >= other_call.kernel.task.reads for other_call, index in others):
            continue
        changed = _respaced(others, channels, pixel, element)
        if changed is None:
            continue
        for other_call, params in changed.items():
            other_call.params = params
        accesses.forget_results(buffer)
        buffer.inside = whole
        accesses.join(buffer, whole.buffer, without=call)
        return True
    return False


def _respaced(accesses: list[tuple[Call, int]], now: int, wanted: int, element: int) -> dict[Call, Params] | None:
    """New parameters for calls whose arguments are to be found in pixels so many elements apart; None where one of them
    cannot."""
    found: dict[Call, Params] = {}
    for call, index in accesses:
        place = call.arguments[index]
        assert place is not None
        if place.resolve().offset >= now * element:
            return None
        params = respaced(replace(call, params=found.get(call, call.params)), index, now, wanted)
        if params is None:
            return None
        found[call] = params
    return found


def _settle(program: Program) -> None:
    """Now that parameters will not change any more: scratch memory, and kernels for them alone, which
    layers of little cost do without where there would be very many."""
    own = {call: call.kernel.specialized(call.params) for call in program.calls}
    costs: dict[str, float] = {}
    for call, kernel in own.items():
        costs[kernel.name] = costs.get(kernel.name, 0.0) + call_cycles(call)
    left, spent = len(costs), 0.0
    shared: set[str] = set()
    for name in sorted(costs, key=lambda name: costs[name]):
        spent += costs[name]
        if left <= MANY_KERNELS or spent > SHARED_COST * sum(costs.values()):
            break
        shared.add(name)
        left -= 1
    for call, kernel in own.items():
        nbytes = call.kernel.scratch(call.params)
        call.scratch = Buffer(Kind.arena, nbytes, "scratch") if nbytes else None
        general = call.kernel.general(call.params)
        call.kernel = general if kernel.name in shared and general is not call.kernel else kernel


def _lifetimes(program: Program) -> dict[Buffer, tuple[int, int]]:
    """First and last call that touches each buffer which is not part of another."""
    lives: dict[Buffer, tuple[int, int]] = {}
    for step, call in enumerate(program.calls):
        for buffer in call.touched():
            lives[buffer] = (lives.get(buffer, (step, step))[0], step)
    return lives


def _merge_in_place(program: Program) -> list[tuple[Buffer, Buffer]]:
    """Let results take over operands of their size; returns the smaller operands that results may grow over, each with
    its result."""
    lives = _lifetimes(program)
    growing: list[tuple[Buffer, Buffer]] = []
    for step, call in enumerate(program.calls):
        in_place = (*call.kernel.task.in_place, *call.kernel.in_place(call.params))
        if not in_place or len(call.writes) != 1:
            continue
        target = call.writes[0].resolve()
        if target.buffer.kind not in (Kind.arena, Kind.output) or lives[target.buffer][0] != step:
            continue
        for index in in_place:
            read = call.arguments[index]
            if read is None or not _fits(read, target, call, index not in call.kernel.task.in_place):
                continue
            if not _in_order(call, index):
                continue
            source = read.resolve().buffer
            if source.kind is not Kind.arena or lives[source][1] != step:
                continue
            if source.nbytes < target.buffer.nbytes:
                growing.append((source, target.buffer))
                continue
            source.inside = target
            lives[target.buffer] = (lives.pop(source)[0], lives[target.buffer][1])
            break
    return growing


def _fits(read: Place, target: Place, call: Call, may_grow: bool) -> bool:
    """Whether operand and result are whole buffers of one size, or with ``may_grow`` the result's is larger, and no
    other argument is in the operand's buffer."""
    source = read.resolve()
    if read.buffer.nbytes != source.buffer.nbytes:
        return False
    others = sum(1 for a in call.arguments if a is not None and a.resolve().buffer is source.buffer)
    return (
        source.offset == target.offset == 0
        and source.buffer is not target.buffer
        and (source.buffer.nbytes == target.buffer.nbytes or (may_grow and source.buffer.nbytes < target.buffer.nbytes))
        and others == 1
    )


def _in_order(call: Call, index: int) -> bool:
    """Whether the elements of an operand that is read by strides lie in the order of the result's, so that each is read
    before its place is written; those read otherwise do."""
    taken = call.kernel.task.in_place
    if "a_stride" not in call.params or index not in taken:
        return True
    size, strides = call.params["size"], call.params[("a_stride", "b_stride")[taken.index(index)]]
    return all(n == 1 or s == c for n, s, c in zip(size, strides, contiguous(size), strict=True))


def _place(program: Program, growing: list[tuple[Buffer, Buffer]]) -> None:
    lives = {b: life for b, life in _lifetimes(program).items() if b.kind is Kind.arena}
    blocks = [Block(b.nbytes, *life) for b, life in lives.items()]
    number = {b: i for i, b in enumerate(lives)}
    pairs = [(x.place().buffer, y.place().buffer) for x, y in growing]
    grows = {(number[x], number[y]) for x, y in pairs if x in number and y in number}
    chosen = plan(blocks, program.alignment, grows=grows)
    if program.plan_seconds:
        chosen = plan_exactly(blocks, chosen, program.alignment, grows, program.plan_seconds)
    program.offsets = dict(zip(lives, chosen.offsets, strict=True))
    program.arena_bytes = chosen.size
    program.arena_lower_bound = chosen.lower_bound
