"""Lets buffers share memory, then places them in the arena.

Copy elimination makes Concat, and outputs that are views, cost nothing: what is copied whole is computed in its
destination instead. Where channels lie last that destination is a part of each wider pixel, which those kernels can
write whose parameters say how far apart pixels lie. In-place merging lets a result take over the memory of an operand
that dies with it.
"""

from __future__ import annotations

from lissom.backends.c.plan import Block, plan
from lissom.backends.c.program import Buffer, Call, Kind, Place, Program
from lissom.kernels.kernel import Params


def share_and_place(program: Program) -> None:
    """Decide where every buffer of the program lies."""
    computed = {w.buffer for c in program.calls if c.kernel.task.name != "copy" for w in c.writes}
    for layer in program.layers:
        layer.calls[:] = [c for c in layer.calls if not _eliminate(c, computed) and not _widen(c, computed, program)]
    _place(program, _merge_in_place(program))


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


def _widen(call: Call, computed: set[Buffer], program: Program) -> bool:
    """Let the one call that computes the source of a copy into wider pixels write there itself. The source then lies
    in pieces, so nobody else may read it, and there is no result of a layer to look at."""
    if call.kernel.task.name != "copy" or call.params["rank"] != 2:
        return False
    source, target = call.arguments
    assert source is not None
    assert target is not None
    p, buffer = call.params, source.buffer
    channels, pixel = p["size"][1], p["y_stride"][0]
    plain = p["x_stride"] == (channels, 1) and p["y_stride"][1] == 1 and p["x_offset"] == 0 and source.offset == 0
    size = p["size"][0] * channels * p["element"]
    whole = buffer.kind is Kind.arena and buffer.inside is None and size == buffer.nbytes
    if not plain or not whole or pixel < channels or target.buffer in computed or target.buffer is buffer:
        return False
    others = [
        c for c in program.calls if c is not call and any(a is not None and a.buffer is buffer for a in c.arguments)
    ]
    shown = [layer for layer in program.layers if any(place.buffer is buffer for place in layer.results)]
    if (
        len(others) != 1
        or not _writes_apart(others[0], Place(buffer), channels)
        or any(len(s.results) > 1 for s in shown)
    ):
        return False
    others[0].params = _with_pixel(others[0].params, pixel)
    for layer in shown:
        layer.results, layer.orders = [], []
    buffer.inside = target.plus(p["y_offset"] * p["element"])
    return True


def _writes_apart(call: Call, place: Place, channels: int) -> bool:
    """Whether a call computes, channels last, just the ``channels`` of each pixel at ``place``, and can leave room
    between pixels; a residual operand would have to lie like the result."""
    names = [a.name for a in call.kernel.task.arguments]
    skip = call.arguments[names.index("skip")] if "skip" in names else None
    geometry = next((v for v in (call.params, *call.params.values()) if isinstance(v, dict) and "y_pixel" in v), None)
    return (
        call.kernel.layout == "NHWC"
        and skip is None
        and call.writes == (place,)
        and geometry is not None
        and geometry["y_pixel"] == channels
    )


def _with_pixel(params: Params, pixel: int) -> Params:
    """Parameters with another ``y_pixel``, in whichever struct of theirs that is."""
    if "y_pixel" in params:
        return {**params, "y_pixel": pixel}
    return {k: _with_pixel(v, pixel) if isinstance(v, dict) else v for k, v in params.items()}


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
    others = sum(1 for a in call.arguments if a is not None and a.resolve().buffer is source.buffer)
    return (
        source.offset == target.offset == 0
        and source.buffer is not target.buffer
        and (source.buffer.nbytes == target.buffer.nbytes or (may_grow and source.buffer.nbytes < target.buffer.nbytes))
        and others == 1
    )


def _place(program: Program, growing: list[tuple[Buffer, Buffer]]) -> None:
    lives = {b: life for b, life in _lifetimes(program).items() if b.kind is Kind.arena}
    blocks = [Block(b.nbytes, *life) for b, life in lives.items()]
    number = {b: i for i, b in enumerate(lives)}
    pairs = [(x.place().buffer, y.place().buffer) for x, y in growing]
    grows = {(number[x], number[y]) for x, y in pairs if x in number and y in number}
    chosen = plan(blocks, program.alignment, grows=grows)
    program.offsets = dict(zip(lives, chosen.offsets, strict=True))
    program.arena_bytes = chosen.size
    program.arena_lower_bound = chosen.lower_bound
