"""Divides calls among threads: a call whose result can be cut becomes parts, each with parameters of its own.

Kernels know nothing of it. A part is the same task on a piece of the result: some rows of an image, some channels, some
matrices of a batch. Pieces are disjoint and no sum is ever cut, so results are the same bytes however many parts there
are and in whatever order they are computed. Parts that read the same input, such as rows where two pieces meet, read it
twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from math import prod
from typing import Any

from lissom.backends.c.costs import call_cycles, layer_cycles
from lissom.backends.c.program import Buffer, Call, Kind, Program
from lissom.kernels.kernel import Kernel, Params
from lissom.kernels.tiles import geometry

PART = 4_000
"""Cycles of work that a part has at least. Handing parts out costs one to two thousand cycles where threads wait for
them and more where they sleep (docs/decisions/0015-threads.md)."""

BYTES_A_CYCLE = 16
"""What a part is taken to read of its operands, to tell cuts apart that compute alike: weights are best read once."""

AT_ONCE = {"BLOCK", "VECTORS"}
"""Constants of kernels that say how much is done at once: a kernel with those of one part serves all parts."""

Piece = tuple[Params, Mapping[str, int]]
"""Parameters of a part, and by how many bytes its arguments lie behind those of the whole, where they move."""

Cut = Callable[[Call, int], list[Piece]]
"""Takes a call and how many parts are wanted; returns no pieces where it cannot be cut this way."""


def divide(program: Program, threads: int) -> None:
    """Give the calls of a program that are worth it parts for up to ``threads`` threads."""
    for layer in program.layers:
        known = sum(map(call_cycles, layer.calls))
        for call in layer.calls:
            cycles = layer_cycles(layer) * call_cycles(call) / known if known else 0.0
            call.parts = parts_of(call, min(threads, int(cycles / PART)))


def parts_of(call: Call, count: int) -> tuple[Call, ...]:
    """Up to ``count`` parts of a call, by the cut whose largest part takes least; none where there is no cut."""
    if count < 2:
        return ()
    found = [parts for cut in _cuts(call) if len(parts := _parts(call, cut(call, count))) > 1]
    return min(found, key=lambda parts: max(map(_estimate, parts)), default=())


def _parts(call: Call, pieces: list[Piece]) -> tuple[Call, ...]:
    """The calls of pieces; none where the kernel does not take them, or one would overwrite what another reads."""
    names = [a.name for a in call.kernel.task.arguments]
    found: list[Call] = []
    for params, moved in pieces:
        general = call.kernel.of or call.kernel
        if general.refuses(params) is not None:
            return ()
        kernel, scratch = _kernel(call.kernel, params, found[0].params if found else params)
        arguments = tuple(
            None if a is None else a.plus(moved.get(name, 0)) for name, a in zip(names, call.arguments, strict=True)
        )
        part = Call(kernel, params, arguments, Buffer(Kind.arena, scratch, "scratch") if scratch else None)
        if not _keeps_apart(call, part):
            return ()
        found.append(part)
    return tuple(found)


def _kernel(whole: Kernel, params: Params, first: Params) -> tuple[Kernel, int]:
    """The kernel of a part, that of the first one if it can be, and what it needs of scratch memory."""
    if whole.of is None:
        return whole, whole.scratch(params)
    own, other = whole.of.specialized(params), whole.of.specialized(first)
    if all(own.constants[k] == other.constants[k] for k in own.constants if k not in AT_ONCE):
        return other, max(whole.scratch(params), whole.scratch(first))
    return own, whole.scratch(params)


def _keeps_apart(call: Call, part: Call) -> bool:
    """Whether a part reads an operand whose memory the result took over only where it writes."""
    for written, target in zip(call.writes, part.writes, strict=True):
        moved = target.resolve().offset - written.resolve().offset
        for before, read in zip(call.reads, part.reads, strict=True):
            if before is None or read is None or before.resolve().buffer is not written.resolve().buffer:
                continue
            if call.kernel.in_place(call.params) or read.resolve().offset - before.resolve().offset != moved:
                return False
    return True


def _estimate(part: Call) -> float:
    """Cycles of a part: those of the kernel, and those of reading weights and activations."""
    p = part.params
    c = geometry(p)
    if "out_channels" not in c:
        return call_cycles(part)
    weights = c["groups"] * c["out_channels"] * c["in_channels"] * prod(c["kernel"])
    read = weights + c["groups"] * c["in_channels"] * prod(c["in"])
    return float(part.kernel.cost(p) or weights * prod(c["out"])) + float(read) / BYTES_A_CYCLE


def _cuts(call: Call) -> Iterator[Cut]:
    """How a call may be cut, by what its parameters are."""
    p, struct = call.params, call.kernel.task.params
    if struct in ("lissom_conv_params", "lissom_conv_q8_params", "lissom_sparse_q8_params", "lissom_sparse_f32_params"):
        if "transpose" in call.kernel.name:
            return
        yield from (_images, _rows) if call.kernel.layout == "NHWC" else (_images,)
        yield from (_channels, _planes)
    elif struct in ("lissom_pool_params", "lissom_pool_q8_params"):
        yield from (_images, _rows) if call.kernel.layout == "NHWC" else (_images,)
        yield _pool_channels
    elif struct in ("lissom_matmul_params", "lissom_matmul_q8_params"):
        yield from (_products, _product_rows, _product_columns)
    elif struct in ("lissom_binary_params", "lissom_binary_q8_params", "lissom_where_params"):
        yield _elements
    elif struct == "lissom_copy_params":
        yield _copied
    elif struct in ("lissom_unary_params", "lissom_lookup_params"):
        yield _counted
    elif struct == "lissom_reduce_params":
        yield _kept
    elif struct == "lissom_channel_params" and p["outer"] == 1:
        yield _quantized
    elif struct in _SLABS:
        yield _slabs


# ---- pieces


def spans(size: int, count: int, grain: int = 1) -> list[tuple[int, int]]:
    """(start, length) of at most ``count`` even pieces of ``size``, all but the last of them in whole ``grain``."""
    grains = -(-size // grain)
    count = max(1, min(count, grains))
    ends = [min(size, (grains * i // count) * grain) for i in range(count + 1)]
    lengths = sorted((b - a for a, b in pairwise(ends)), key=lambda n: (n % grain > 0, -n))
    starts = [sum(lengths[:i]) for i in range(count)]
    return list(zip(starts, lengths, strict=True))


def _bytes(call: Call, name: str) -> int:
    """Of an element of an argument."""
    argument = next(a for a in call.kernel.task.arguments if a.name == name)
    found = {"f32": 4, "i32": 4, "i64": 8, "q8_output": 12, "any": call.params.get("element", 1)}
    return int(found.get(argument.element, 1))


def _moved(call: Call, **elements: int) -> dict[str, int]:
    """Bytes that arguments move by, from elements; those that the task does not have are left out."""
    names = {a.name for a in call.kernel.task.arguments}
    return {name: n * _bytes(call, name) for name, n in elements.items() if name in names}


def _with(params: Params, **changes: Any) -> Params:
    """Parameters with other values in whichever struct of theirs has them."""
    if all(k in params for k in changes):
        return {**params, **changes}
    return {
        k: _with(v, **changes) if isinstance(v, dict) and changes.keys() <= v.keys() else v for k, v in params.items()
    }


def _spatial(params: Params) -> Params:
    """The ``lissom_conv_params`` or ``lissom_pool_params``."""
    found: Params = params.get("pool", geometry(params))
    return found


def _at(values: tuple[int, ...], axis: int, value: int) -> tuple[int, ...]:
    return (*values[:axis], value, *values[axis + 1 :])


# ---- convolutions and pools


def _images(call: Call, count: int) -> list[Piece]:
    c = _spatial(call.params)
    inside, outside = prod(c["in"]), prod(c["out"])
    if call.kernel.layout == "NHWC":
        x, y = c["x_pixel"], c["y_pixel"]
        skip = c.get("skip_pixel", 0)
    else:
        x = c["channels"] if "channels" in c else c["groups"] * c["in_channels"]
        y = skip = c["channels"] if "channels" in c else c["groups"] * c["out_channels"]
    return [
        (
            _with(call.params, batch=n),
            _moved(call, x=start * inside * x, y=start * outside * y, skip=start * outside * skip),
        )
        for start, n in spans(c["batch"], count)
    ]


def _rows(call: Call, count: int) -> list[Piece]:
    """Along the first axis of a single image that has more than one position, channels last."""
    c = _spatial(call.params)
    axis = next((a for a in range(3) if c["out"][a] > 1), None)
    if axis is None or c["batch"] > 1 or prod(c["in"][:axis]) > 1:
        return []
    grain = 4 if call.kernel.packing.get("w", "").startswith("winograd") else 1
    stride, pad, size = c["stride"][axis], c["pad"][axis], c["in"][axis]
    reach = (c["kernel"][axis] - 1) * c["dilation"][axis] + 1
    inside, outside = prod(c["in"][axis + 1 :]), prod(c["out"][axis + 1 :])
    found: list[Piece] = []
    for start, n in spans(c["out"][axis], count, grain):
        first = start * stride - pad  # of the input that the piece sees, and the one behind the last
        end = first + (n - 1) * stride + reach
        begin, stop = max(0, first), min(size, end)
        if begin >= stop:
            return []
        changes = {"in": _at(c["in"], axis, stop - begin), "out": _at(c["out"], axis, n)}
        if "pad_end" in c:
            changes["pad_end"] = _at(c["pad_end"], axis, size + c["pad_end"][axis] - stop)
        params = _with(call.params, pad=_at(c["pad"], axis, begin - first), **changes)
        x, y, skip = begin * inside * c["x_pixel"], start * outside * c["y_pixel"], c.get("skip_pixel", 0)
        found.append((params, _moved(call, x=x, y=y, skip=start * outside * skip)))
    return found


PANELS = ("panels", "patches", "mended", "winograd")
"""Layouts of weights in panels of so many lanes times so many vectors."""


def _channels(call: Call, count: int) -> list[Piece]:
    """Output channels, by the panels that weights are packed in."""
    c, place = geometry(call.params), call.arguments[1]
    layout, *numbers = call.kernel.packing["w"].split()
    assert place is not None
    if c["groups"] > 1:
        return _groups(call, count) if layout == "depthwise" else []
    width = {"blocks": lambda n: 4 * n[0], **dict.fromkeys(PANELS, prod)}.get(layout)
    if width is None or call.kernel.layout != "NHWC":
        return []
    grain = width([int(n) for n in numbers[:2]])
    panel = place.buffer.nbytes // -(-c["out_channels"] // grain)
    return [
        (
            _with(call.params, out_channels=n),
            {**_moved(call, y=start, skip=start), "w": start // grain * panel},
        )
        for start, n in spans(c["out_channels"], count, grain)
    ]


def _groups(call: Call, count: int) -> list[Piece]:
    """Channels of a depthwise convolution, by the blocks that weights are packed in."""
    c, place = geometry(call.params), call.arguments[1]
    lanes = int(call.kernel.packing["w"].split()[1])
    assert place is not None
    grain = lanes if _bytes(call, "y") == 4 else 4 * lanes
    block = place.buffer.nbytes // -(-c["groups"] // grain)
    return [
        (
            _with(call.params, groups=n),
            {**_moved(call, x=start, y=start, skip=start), "w": start // grain * block},
        )
        for start, n in spans(c["groups"], count, grain)
    ]


def _planes(call: Call, count: int) -> list[Piece]:
    """Output channels of a single image, channels first: those of one group, or whole groups."""
    c, p = geometry(call.params), call.params
    if call.kernel.layout != "NCHW" or call.kernel.packing["w"] != "OIDHW" or c["batch"] > 1:
        return []
    taps, outside = c["in_channels"] * prod(c["kernel"]), prod(c["out"])
    whole = c["groups"] == 1
    each, name = (1, "out_channels") if whole else (c["out_channels"], "groups")
    found: list[Piece] = []
    for start, n in spans(c[name], count):
        channel = start * each
        moved = _moved(
            call,
            x=0 if whole else start * c["in_channels"] * prod(c["in"]),
            w=channel * taps,
            w_zero=channel * p.get("w_zero_stride", 0),
            multiplier=channel * p.get("multiplier_stride", 0),
            b=channel,
            y=channel * outside,
            skip=channel * outside,
        )
        found.append((_with(p, **{name: n}), moved))
    return found


def _pool_channels(call: Call, count: int) -> list[Piece]:
    """Channels of a single image: planes or, channels last, parts of pixels."""
    c = _spatial(call.params)
    if c["batch"] > 1:
        return []
    last = call.kernel.layout == "NHWC"
    inside, outside = (1, 1) if last else (prod(c["in"]), prod(c["out"]))
    return [
        (_with(call.params, channels=n), _moved(call, x=start * inside, y=start * outside))
        for start, n in spans(c["channels"], count, 32 if last else 1)
    ]


# ---- products


def _matmul(params: Params) -> Params:
    found: Params = params.get("matmul", params)
    return found


def _products(call: Call, count: int) -> list[Piece]:
    """Products of a batch, along its longest axis."""
    p = _matmul(call.params)
    axis = max(range(len(p["batch"])), key=lambda i: p["batch"][i])
    return [
        (
            _with(call.params, batch=_at(p["batch"], axis, n), m=p["m"]),
            _moved(call, **{name: start * p[f"{name}_batch"][axis] for name in ("a", "b", "y")}),
        )
        for start, n in spans(p["batch"][axis], count)
    ]


def _product_rows(call: Call, count: int) -> list[Piece]:
    p = _matmul(call.params)
    return [
        (_with(call.params, m=n), _moved(call, a=start * p["a_m"], y=start * p["y_m"], c=start * p["c_m"]))
        for start, n in spans(p["m"], count)
    ]


def _product_columns(call: Call, count: int) -> list[Piece]:
    p, by_channel = _matmul(call.params), call.params
    step = p["k"] if call.kernel.packing.get("b") == "NK" else p["b_n"]
    return [
        (
            _with(call.params, n=n),
            _moved(
                call,
                b=start * step,
                b_zero=start * by_channel.get("b_zero_stride", 0),
                multiplier=start * by_channel.get("multiplier_stride", 0),
                c=start * p["c_n"],
                y=start,
            ),
        )
        for start, n in spans(p["n"], count, 64)
    ]


# ---- what passes over memory once


def _elements(call: Call, count: int) -> list[Piece]:
    """Along the outermost axis of a result that is contiguous."""
    p = call.params
    inner = prod(p["size"][1:])
    strides = {"a": "a_stride", "b": "b_stride", "condition": "c_stride"}
    return [
        (
            {**p, "size": _at(p["size"], 0, n)},
            _moved(call, y=start * inner, **{name: start * p[key][0] for name, key in strides.items() if key in p}),
        )
        for start, n in spans(p["size"][0], count)
    ]


def _copied(call: Call, count: int) -> list[Piece]:
    p = call.params
    axis = max(range(len(p["size"])), key=lambda i: p["y_stride"][i])
    return [
        (
            {
                **p,
                "size": _at(p["size"], axis, n),
                "x_offset": p["x_offset"] + start * p["x_stride"][axis],
                "y_offset": p["y_offset"] + start * p["y_stride"][axis],
            },
            {},
        )
        for start, n in spans(p["size"][axis], count)
    ]


def _counted(call: Call, count: int) -> list[Piece]:
    p = call.params
    each = p.get("element", _bytes(call, "y"))
    return [
        ({**p, "count": n}, {"x": start * _bytes(call, "x") if "element" not in p else start, "y": start * each})
        for start, n in spans(p["count"], count, 64)
    ]


def _kept(call: Call, count: int) -> list[Piece]:
    p = call.params
    inner = prod(p["kept_size"][1 : p["kept_rank"]])
    return [
        (
            {**p, "kept_size": _at(p["kept_size"], 0, n)},
            _moved(call, x=start * p["kept_stride"][0], y=start * inner),
        )
        for start, n in spans(p["kept_size"][0], count)
    ]


def _quantized(call: Call, count: int) -> list[Piece]:
    """Channels of one image or, where all elements are of one, elements."""
    p = call.params
    if p["channels"] == 1:
        return [({**p, "inner": n}, _moved(call, x=start, y=start)) for start, n in spans(p["inner"], count, 64)]
    if p["turned"]:
        return []
    return [
        (
            {**p, "channels": n},
            _moved(call, x=start * p["inner"], y=start * p["inner"], scale=start, q=start, zero=start),
        )
        for start, n in spans(p["channels"], count)
    ]


_SLABS = {
    "lissom_channel_params": ("outer", "channels inner", "channels inner"),
    "lissom_axis_params": ("outer", "n inner", "n inner"),
    "lissom_softmax_q8_params": ("outer", "n inner", "n inner"),
    "lissom_scan_params": ("outer", "n inner", "n inner"),
    "lissom_lrn_params": ("outer", "channels inner", "channels inner"),
    "lissom_row_norm_params": ("rows", "n", "n"),
    "lissom_layer_norm_q8_params": ("rows", "n", "n"),
    "lissom_resample_params": ("outer", "in inner", "out inner"),
    "lissom_resize_q8_params": ("outer", "in inner", "out inner"),
    "lissom_lookup_channels_params": ("outer", "channels inner", "channels inner element"),
}
"""For parameters of what works on slabs by themselves: which says how many there are, and which make the elements of
each in x and in y."""


def _slabs(call: Call, count: int) -> list[Piece]:
    p = call.params
    name, *sizes = _SLABS[call.kernel.task.params]
    x, y = (prod(map(_size, (p[field] for field in fields.split()))) for fields in sizes)
    return [({**p, name: n}, _moved(call, x=start * x, y=start * y)) for start, n in spans(p[name], count)]


def _size(value: int | tuple[int, ...]) -> int:
    return prod(value) if isinstance(value, tuple) else value
