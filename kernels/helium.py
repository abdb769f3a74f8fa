"""Kernels for the vectors of cortex-m55 (Helium), and what each costs in instructions.

A convolution is dot products of 16 bytes at a time; what a result takes besides these is the same for all layers, so
short patches are what costs (``docs/decisions/0011-helium.md``).
"""

from __future__ import annotations

from math import prod

from lissom.kernels import references  # noqa: F401  # variants come after them
from lissom.kernels.kernel import Params, always
from lissom.kernels.registry import variant
from lissom.kernels.tiles import geometry

LEVEL = "cortex-m55"
CHUNK = 16
"""Columns whose results are kept until a residual operand is added (``lissom_conv_q8_m55.h``)."""


def _signed(params: Params) -> str | None:
    """Why kernels of signed bytes cannot take parameters."""
    outputs = [params["y"]] + ([params["skip"]["y"]] if _has_skip(params) else [])
    if not params["w_plain"] or not params["x"]["flip"] or any(y["low"] + y["zero"] >= 0 for y in outputs):
        return "int8 weights with zero point 0 and int8 activations are wanted"
    return "an addition of uint8" if _has_skip(params) and not params["skip"]["flip"] else None


def _has_skip(params: Params) -> bool:
    return bool(params["skip"]["ratio"])


def patch(params: Params) -> int:
    """Bytes under a kernel."""
    c = geometry(params)
    return int(prod(c["kernel"]) * c["in_channels"])


def strip_bytes(params: Params) -> int:
    """Bytes of the copy of what an output row sees; 0 where x can be read as it lies."""
    c = geometry(params)
    depth, height, width = c["kernel"]
    inside = all(
        pad == 0 and (out - 1) * stride + k <= given
        for pad, out, stride, k, given in zip(c["pad"], c["out"], c["stride"], c["kernel"], c["in"], strict=True)
    )
    if depth * height == 1 and inside and (width == 1 or (c["dilation"][2] == 1 and c["groups"] == 1)):
        return 0
    shared = (c["dilation"][2] == 1 or width == 1) and c["stride"][2] <= width
    columns = (c["out"][2] - 1) * c["stride"][2] + width if shared else c["out"][2] * width
    return int(columns * depth * height * c["in_channels"])


def _scratch(params: Params) -> int:
    c = geometry(params)
    return strip_bytes(params) + (min(CHUNK, c["out"][2]) * c["out_channels"] if _has_skip(params) else 0)


def _strip_cost(params: Params) -> float:
    """Instructions for a strip. Columns that are few bytes between those of other groups are copied one by one."""
    c = geometry(params)
    apart = c["groups"] > 1 and c["in_channels"] != 16
    each = (13 + 3 * -(-c["in_channels"] // 16)) / c["in_channels"] if apart else 0.25
    return float(strip_bytes(params) * each + (60 + 40 * prod(c["kernel"][:2]) if apart else 0))


def _cost(params: Params) -> float:
    """Instructions: sums of four channels of two columns, what follows them, and the strips of rows."""
    c = geometry(params)
    rows = c["batch"] * c["groups"] * c["out"][0] * c["out"][1]
    whole, rest = divmod(patch(params), 16)
    pair = 14 * whole + (18 if rest else 0) + 24
    return float(rows * (_strip_cost(params) + -(-c["out_channels"] // 4) * (30 + -(-c["out"][2] // 2) * pair)))


def _known(params: Params) -> dict[str, int]:
    """Whole vectors of a patch, bytes behind them, whether there are channels behind the last four, and whether patches
    are read where x is."""
    whole, rest = divmod(patch(params), 16)
    some = geometry(params)["out_channels"] % 4 > 0
    return {"WHOLE": whole, "REST": rest, "SOME": int(some), "DIRECT": int(strip_bytes(params) == 0)}


SKIP = 5
"""The argument of a convolution that is a residual operand."""


variant(
    "conv_q8",
    "conv_q8_m55",
    _signed,
    level=LEVEL,
    layout="NHWC",
    packing={"w": "fours 4"},
    scratch=_scratch,
    in_place=lambda params: (SKIP,),  # results are kept until it is added to them
    cost=_cost,
    template="lissom_conv_q8_m55.h",
    constants={"WHOLE": -1, "REST": 0, "SOME": 1, "DIRECT": 0},
    known=_known,
)


def one_row_of_positions(params: Params) -> str | None:
    """Why a convolution is not the product of rows with weights."""
    c = geometry(params)
    if max(*c["kernel"], *c["stride"], c["groups"], *c["out"][:2]) > 1 or any(c["pad"]) or c["in"] != c["out"]:
        return "windows"
    return None


def _not_rows(params: Params) -> str | None:
    return one_row_of_positions(params) or _signed(params)


def _rows_known(params: Params) -> dict[str, int]:
    whole, rest = divmod(patch(params), 16)
    return {"WHOLE": whole, "REST": rest}


def _rows_cost(params: Params) -> float:
    """Instructions: sums of eight channels of a row, and what follows them."""
    c = geometry(params)
    whole, rest = divmod(patch(params), 16)
    eight = 17 * whole + (22 if rest else 0) + 30
    return float(c["batch"] * c["out"][2] * (20 + -(-c["out_channels"] // 8) * eight))


variant(
    "conv_q8",
    "row_q8_m55",
    _not_rows,
    level=LEVEL,
    layout="NHWC",
    packing={"w": "fours 8"},
    cost=_rows_cost,
    template="lissom_row_q8_m55.h",
    constants={"WHOLE": -1, "REST": 0},
    known=_rows_known,
)


# ---- floats


def _float_cost(params: Params) -> float:
    """Instructions: eight channels of three columns, weight by weight."""
    c = geometry(params)
    rows = c["batch"] * c["groups"] * c["out"][0] * c["out"][1]
    if c["out"][2] == 1:
        return float(rows * (strip_bytes(params) + -(-c["out_channels"] // 16) * (40 + 12 * patch(params))))
    threes = -(-c["out"][2] // 3)
    return float(rows * (strip_bytes(params) + -(-c["out_channels"] // 8) * threes * (90 + 14 * patch(params))))


variant(
    "conv_f32",
    "conv_f32_m55",
    always,
    level=LEVEL,
    layout="NHWC",
    packing={"w": "eights"},
    scratch=lambda params: 4 * strip_bytes(params),
    cost=_float_cost,
    template="lissom_conv_f32_m55.h",
)


# ---- depthwise

LIMIT = 4352
"""Bytes of quads that are there at once, if one group of results does not take more."""


def _square(params: Params) -> bool:
    """Whether one load of quads holds what 2 by 2 results need."""
    c = geometry(params)
    return bool(max(c["kernel"]) <= 3 and max(*c["stride"], *c["dilation"]) == 1 and c["out"][1] > 1)


def _parts(params: Params) -> int:
    """Vectors of 16 taps."""
    _, height, width = geometry(params)["kernel"]
    return int(-(-height // 4) * -(-width // 4))


def _groups(params: Params) -> int:
    """Rows of results, or pairs of them."""
    return -(-int(geometry(params)["out"][1]) // (2 if _square(params) else 1))


def _group_bytes(params: Params, block: int) -> int:
    """Bytes of the quads of one group, for so many channels."""
    c = geometry(params)
    _, height, width = c["kernel"]
    if _square(params):
        columns = -(-c["out"][2] // 4) * 4 + 2
    else:
        columns = (-(-c["out"][2] // 8) * 8 - 1) * c["stride"][2] + (-(-width // 4) * 4 - 1) * c["dilation"][2] + 1
    return int(columns * block * 4 * -(-height // 4))


def _block(params: Params) -> int:
    """Channels whose quads are there at once: 16 or, where all rows of fewer fit, these."""
    channels = int(geometry(params)["groups"])
    if channels <= 16:
        return channels
    return next((b for b in (16, 8, 4) if _groups(params) * _group_bytes(params, b) <= LIMIT), 16)


def _band(params: Params) -> int:
    """Groups of rows whose quads are there at once."""
    return max(1, min(_groups(params), LIMIT // _group_bytes(params, _block(params))))


def _not_depthwise(params: Params) -> str | None:
    c = geometry(params)
    if not c["groups"] > 1 == c["in_channels"] == c["out_channels"]:
        return "the convolution is not depthwise"
    if c["in"][0] * c["out"][0] * c["kernel"][0] > 1:
        return "a depthwise convolution over three axes"
    if c["kernel"][1] * c["kernel"][2] > 128 or c["stride"][2] * _block(params) * 4 > 4095:
        return "a kernel or steps that are too large"
    if (c["out"][2] + 8) * c["y_pixel"] >= 2**16:
        return "rows that are too long"
    return _signed(params)


def _quads_known(params: Params) -> dict[str, int]:
    """What a depthwise kernel is compiled for."""
    c, block = geometry(params), _block(params)
    return {
        "HEIGHT": c["kernel"][1],
        "WIDTH": c["kernel"][2],
        "SQUARE": int(_square(params)),
        "PARTS": _parts(params),
        "BLOCK": block,
        "STEP": (2 if _square(params) else c["stride"][2]) * block * 4,
    }


def _quads_cost(params: Params) -> float:
    """Instructions: rows that become quads, and eight results at a time."""
    c, block = geometry(params), _block(params)
    groups = c["batch"] * _groups(params)
    copied = groups * _group_bytes(params, block) / 64 * 20 * -(-c["groups"] // block)
    lanes = c["out"][2] * (2 if _square(params) else 1)
    each = 38 if _square(params) else 35 + 26 * _parts(params)
    return float(copied + c["groups"] * (groups * (10 + -(-lanes // 8) * each) + 60))


def _whole(params: Params) -> tuple[int, ...]:
    """x may become y where all its rows are copied before any result is written: those of the channels that lie at the
    same place in both, or of all channels."""
    c = geometry(params)
    copied = _band(params) == _groups(params) and (c["in"] == c["out"] or _block(params) >= c["groups"])
    return (0,) if copied and not _has_skip(params) and c["y_pixel"] == c["groups"] else ()


variant(
    "conv_q8",
    "depthwise_q8_m55",
    _not_depthwise,
    level=LEVEL,
    layout="NHWC",
    packing={"w": "channels"},
    scratch=lambda params: _band(params) * _group_bytes(params, _block(params)) + 64,
    in_place=_whole,
    cost=_quads_cost,
    template="lissom_depthwise_q8_m55.h",
    constants={"LIMIT": LIMIT},
    known=_quads_known,
)
