"""Kernels for cortex-m4 and cortex-m7, whose multiplier takes pairs of 16-bit halves: which there are, and their cost.

Costs are executed instructions. Kernels serve all layers of their kind, so that code stays small.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod

from lissom.kernels import references, sparse  # noqa: F401  # variants come after them
from lissom.kernels.kernel import Params, always
from lissom.kernels.registry import variant
from lissom.kernels.tiles import geometry, run_length

LEVEL = "cortex-m4"


def signed(params: Params, inputs: Sequence[str], outputs: Sequence[str]) -> bool:
    """Whether the 8-bit values that these members describe are int8."""
    whole = all(params[o]["low"] + params[o]["zero"] == -128 for o in outputs)
    return whole and all(params[i]["flip"] for i in inputs)


def _not_runs(params: Params) -> str | None:
    if not signed(params, ("a", "b"), ("y",)):
        return "int8 is wanted"
    return None if params["a_stride"][-1] == params["b_stride"][-1] == 1 else "an operand repeats along the last axis"


def _not_rows(params: Params) -> str | None:
    read = params["x"]["flip"] if "x" in params else params["flip"]
    if not read or params["y"]["low"] + params["y"]["zero"] != -128:
        return "int8 is wanted"
    return "elements of a row that do not lie together" if params.get("inner", 1) > 1 else None


def _not_bytes(params: Params) -> str | None:
    return "elements wider than a byte" if params["element"] != 1 else None


def _pool_refusal(params: Params) -> str | None:
    return None if "x" not in params or signed(params, ["x"], ["y"]) else "int8 is wanted"


for _task in ("average_pool_q8", "max_pool_i8"):
    variant(
        _task,
        f"{_task}_m4",
        _pool_refusal,
        level=LEVEL,
        layout="NHWC",
        template=f"lissom_{_task}_nhwc.h",
        constants={"SIGNED": 1},
    )


def _not_words(params: Params) -> str | None:
    window = params.get("pool", params)
    if window["channels"] < 4:
        return f"{window['channels']} channels, which fill no word"
    long = "x" in params and prod(window["kernel"]) > 256
    return "windows whose sums leave 16 bits" if long else _pool_refusal(params)


for _task in ("average_pool_q8", "max_pool_i8"):
    variant(_task, f"{_task}_m4_words", _not_words, level=LEVEL, layout="NHWC", template=f"lissom_{_task}_m4.h")
variant("quantize_q8", "quantize_q8_m4", always, level=LEVEL, template="lissom_quantize_q8_m4.h")
for _task, _how in (("add_q8", (0, 0)), ("sub_q8", (1, 0)), ("mul_q8", (0, 1))):
    variant(
        _task,
        f"{_task}_m4",
        _not_runs,
        level=LEVEL,
        template="lissom_binary_q8_m4.h",
        constants=dict(zip(("MINUS", "TIMES"), _how, strict=True)),
    )
for _task in ("softmax_q8", "layer_norm_q8"):
    variant(_task, f"{_task}_m4", _not_rows, level=LEVEL, template=f"lissom_{_task}_m4.h")
variant("lookup", "lookup_m4", _not_bytes, level=LEVEL, template="lissom_lookup_m4.h")
variant(
    "lookup_channels",
    "lookup_channels_m4",
    lambda params: _not_bytes(params) or ("channels that do not lie together" if params["inner"] > 1 else None),
    level=LEVEL,
    template="lissom_lookup_channels_m4.h",
)


def _refusal(params: Params, mixed: int) -> str | None:
    if not params["w_plain"] or not signed(params, ["x"], ["y"]):
        return "int8 weights with zero point 0 and int8 activations are wanted"
    if mixed and (params["reach"] >= 2**23 or params["w_plain"] != 2):
        return "sums of more than 24 bits, or weights of -128"
    return None


def columns_words(params: Params) -> int:
    """Fours of values along a column, of each run by itself, and one more where they are odd."""
    c, length = geometry(params), run_length(params, 1)
    words = int(prod(c["kernel"]) * c["in_channels"] // length * -(-length // 4))
    return words + words % 2


def _scratch(params: Params, pixels: int) -> int:
    """Columns, results that are yet to be added to or are too many, and a part of the border."""
    outputs = geometry(params)["out_channels"]
    abreast = 4 if pixels == 1 else 1
    tile = -(-outputs // abreast) * abreast * pixels
    return int(columns_words(params) * 8 * pixels + tile + _seen(params, pixels, 1))


def _seen(params: Params, pixels: int, element: int) -> int:
    """Bytes that a row of the kernel sees from so many pixels of the result, and a word behind them."""
    c = geometry(params)
    return int(run_length(params, element) + (pixels - 1) * c["stride"][2] * c["in_channels"] * element + 4)


X, SKIP = 0, 5
"""Arguments of a convolution."""


def _over(params: Params) -> tuple[int, ...]:
    """Pixels are read before they are written: of the operand that is added, and where one makes one, of x. With more
    channels in the result, x lies at its end."""
    c = geometry(params)
    each = prod(c["kernel"]) * prod(c["stride"]) == 1 and not any(c["pad"])
    grows = c["in_channels"] == c["out_channels"] or (c["groups"] == 1 and c["in_channels"] < c["out_channels"])
    return (SKIP, X) if each and grows and _packed(c) else (SKIP,)


def _packed(c: Params) -> bool:
    """Whether there is nothing between pixels."""
    return bool(c["x_pixel"] == c["in_channels"] * c["groups"] and c["y_pixel"] == c["out_channels"] * c["groups"])


def _cost(params: Params, pixels: int, mixed: int) -> float:
    c, eights = geometry(params), columns_words(params) // 2
    abreast, step, around = (1, 27, 36) if pixels == 4 else (4, 38, 42)
    each = -(-c["out_channels"] // abreast) * (around + (step - 2 * mixed * abreast) * eights) + 12 * pixels * eights
    return float(c["batch"] * c["groups"] * -(-prod(c["out"]) // pixels) * each)


for _pixels in (1, 4):
    for _mixed in (0, 1):
        variant(
            "conv_q8",
            f"conv_q8_m4_{_pixels}{'' if _mixed else '_wide'}",
            partial(_refusal, mixed=_mixed),
            level=LEVEL,
            layout="NHWC",
            packing={"w": f"columns {4 if _pixels == 1 else 1} {_mixed}"},
            scratch=partial(_scratch, pixels=_pixels),
            in_place=_over,
            cost=partial(_cost, pixels=_pixels, mixed=_mixed),
            template="lissom_conv_q8_columns.h",
            constants={"PIXELS": _pixels, "MIXED": _mixed},
        )


def _not_two_activations(params: Params) -> str | None:
    p = params["matmul"]
    if params["b_plain"] or not params["b_flip"] or not signed(params, ["a"], ["y"]):
        return "two activations of int8 are wanted"
    if params["b_zero_stride"] or params["multiplier_stride"] or p["c_n"] or p["c_m"]:
        return "one zero point, one multiplier and no bias are wanted"
    return "rows of a that do not lie together" if p["a_k"] != 1 else "rows too long" if p["k"] >= 1024 else None


def _products_scratch(params: Params) -> int:
    """Columns of four rows of a, and up to 32 columns of b."""
    p = params["matmul"]
    eights = (-(-p["k"] // 4) + 2) // 2
    return int(eights * 64 + min(32, p["n"]) * (8 + 8 * eights))


variant(
    "matmul_q8",
    "matmul_q8_m4",
    _not_two_activations,
    level=LEVEL,
    scratch=_products_scratch,
    template="lissom_matmul_q8_m4.h",
    constants={"PIXELS": 4, "MIXED": 0},
)


def _across(c: Params) -> int:
    """Segments of a kernel row."""
    return int(-(-c["kernel"][2] // 3) if c["dilation"][2] == 1 else c["kernel"][2])


def _refuses_strip(params: Params, stride: int, three: int) -> str | None:
    c = geometry(params)
    if not c["groups"] > 1 == c["in_channels"] == c["out_channels"] or c["in"][0] * c["out"][0] * c["kernel"][0] > 1:
        return "the convolution is not depthwise, over two axes"
    if c["stride"][2] != stride:
        return f"a stride of {stride} along rows is wanted"
    if three and _across(c) * c["kernel"][1] != 3:
        return "three rows of up to three taps are wanted"
    return _refusal(params, 0)


def _plane(c: Params) -> int:
    """Bytes of a channel of a row of x, widened, with its border."""
    width, stride, step = c["kernel"][2], c["stride"][2], c["dilation"][2]
    reach = 3 * _across(c) if step == 1 else (width - 1) * step + 3
    seen = (c["out"][2] + 1) // 2 * 2 * stride + reach
    return int((max(seen, c["pad"][2] + c["in"][2]) + 1) // 2 * 4)


def _strip_scratch(params: Params) -> int:
    """What a row of results is computed from, weights of four channels, rows of x and one of zero points, and results
    that are yet to be added to."""
    c = geometry(params)
    segments, rows = _across(c) * c["kernel"][1], (c["kernel"][1] - 1) * c["dilation"][1] + 2
    return int(40 + 4 * segments + 4 * (8 + 8 * segments) + 4 * rows * _plane(c) + 4 * c["out"][2])


def _over_strip(params: Params) -> tuple[int, ...]:
    """A row of x is widened before one of the result is written over it."""
    c = geometry(params)
    ahead = (c["kernel"][1] - 1) * c["dilation"][1] >= c["pad"][1]
    return (SKIP, X) if ahead and c["in"] == c["out"] and prod(c["stride"]) == 1 and _packed(c) else (SKIP,)


def _strip_cost(params: Params, three: int) -> float:
    c = geometry(params)
    pair = 36 if three else 24 + 12 * _across(c) * c["kernel"][1]
    row = 26 + pair * -(-c["out"][2] // 2)
    return float(c["batch"] * c["groups"] * (row * c["out"][1] + 2.2 * c["in"][1] * c["in"][2]))


for _stride in (1, 2):
    for _three in (0, 1):
        variant(
            "conv_q8",
            f"depthwise_q8_m4_{'3_' if _three else ''}{_stride}",
            partial(_refuses_strip, stride=_stride, three=_three),
            level=LEVEL,
            layout="NHWC",
            packing={"w": "strips"},
            scratch=_strip_scratch,
            in_place=_over_strip,
            cost=partial(_strip_cost, three=_three),
            template="lissom_depthwise_q8_m4.h",
            constants={"STRIDE": _stride, "THREE": _three},
        )


def _refuses_sparse(params: Params, pixels: int) -> str | None:
    if not signed(params, ["x"], ["y"]) or params["w_plain"] != 2 or params["reach"] >= 2**23:
        return "int8 without -128 is wanted, and sums of up to 24 bits"
    return "columns that are too long" if columns_words(params) * 8 * pixels > 2**16 else None


def _sparse_cost(params: Params, pixels: int) -> float:
    """Every channel has half a pair that is empty."""
    c = geometry(params)
    around, pair = (41, 29) if pixels == 4 else (16, 13)
    each = c["out_channels"] * (around + pair / 4) + params["blocks"] * pair / 2 + 6 * pixels * columns_words(params)
    return float(c["batch"] * -(-prod(c["out"]) // pixels) * each)


for _pixels in (1, 4):
    variant(
        "sparse_conv_q8",
        f"sparse_conv_q8_m4_{_pixels}",
        partial(_refuses_sparse, pixels=_pixels),
        level=LEVEL,
        layout="NHWC",
        packing={"w": f"pairs {8 * _pixels}"},
        scratch=partial(_scratch, pixels=_pixels),
        in_place=lambda params: tuple(i for i in _over(params) if i == X),
        cost=partial(_sparse_cost, pixels=_pixels),
        template="lissom_sparse_q8_m4.h",
        constants={"PIXELS": _pixels, "MIXED": 1},
    )


# ---- floats

SKIP_F32 = 3
"""The argument of a convolution of floats that is added."""


def _values(params: Params, together: int) -> int:
    """Floats along a column, in whole groups."""
    c = geometry(params)
    return int(-(-prod(c["kernel"]) * c["in_channels"] // together) * together)


def _float_scratch(params: Params, pixels: int, together: int, abreast: int) -> int:
    """Columns, results that are yet to go where they belong, and a part of the border."""
    tile = -(-geometry(params)["out_channels"] // abreast) * abreast * pixels
    return int(4 * (_values(params, together) * pixels + tile) + _seen(params, pixels, 4))


def _over_floats(params: Params) -> tuple[int, ...]:
    """As of bytes."""
    return tuple(SKIP_F32 if i == SKIP else i for i in _over(params))


def _not_columns(params: Params) -> str | None:
    return "groups of one channel" if geometry(params)["groups"] > 1 == geometry(params)["in_channels"] else None


def _turns(params: Params, pixels: int) -> int:
    """How many times columns are put side by side."""
    c = geometry(params)
    return int(c["batch"] * c["groups"] * -(-prod(c["out"]) // pixels))


def _gathered(params: Params, pixels: int) -> float:
    """What columns take."""
    runs = prod(geometry(params)["kernel"]) * geometry(params)["in_channels"] * 4 // run_length(params, 4)
    return float(60 * runs + (1.5 if pixels > 1 else 2.5) * pixels * _values(params, 1))


def _float_cost(params: Params, pixels: int, together: int, abreast: int) -> float:
    each = (34, 51) if pixels == 4 else (35, 20)
    groups = _values(params, together) // together
    tiles = -(-geometry(params)["out_channels"] // abreast) * (groups * (each[0] + 1) + each[1])
    return float(_turns(params, pixels) * (tiles + _gathered(params, pixels)))


for _pixels, _together, _abreast in ((1, 4, 8), (4, 2, 4)):
    variant(
        "conv_f32",
        f"conv_f32_m4_{_pixels}",
        _not_columns,
        level=LEVEL,
        layout="NHWC",
        packing={"w": f"float_columns {_abreast} {_together}"},
        scratch=partial(_float_scratch, pixels=_pixels, together=_together, abreast=_abreast),
        in_place=_over_floats,
        cost=partial(_float_cost, pixels=_pixels, together=_together, abreast=_abreast),
        template="lissom_conv_f32_columns.h",
        constants={"PIXELS": _pixels},
    )


def _not_eights(params: Params) -> str | None:
    c = geometry(params)
    if not c["groups"] > 1 == c["in_channels"] == c["out_channels"] or c["in"][0] * c["out"][0] * c["kernel"][0] > 1:
        return "the convolution is not depthwise, over two axes"
    return "fewer than eight channels" if c["groups"] < 8 else None


variant(
    "conv_f32",
    "depthwise_f32_m4",
    _not_eights,
    level=LEVEL,
    layout="NHWC",
    packing={"w": "float_taps"},
    template="lissom_depthwise_f32_m4.h",
)


def _not_near(params: Params, pixels: int) -> str | None:
    return "columns that are too long" if pixels > 1 and _values(params, 1) * 4 * pixels > 2**16 else None


def _sparse_float_cost(params: Params, pixels: int) -> float:
    """Of an output channel half a group is empty."""
    c = geometry(params)
    around, weight, group = (45, 11.5, 2) if pixels == 8 else (15, 3.25, 4)
    each = c["out_channels"] * (around + weight * group / 2) + params["nonzeros"] * weight
    return float(_turns(params, pixels) * (each + _gathered(params, pixels)))


for _pixels, _group, _width in ((1, 4, 4), (8, 2, 2)):
    variant(
        "sparse_conv_f32",
        f"sparse_conv_f32_m4_{_pixels}",
        partial(_not_near, pixels=_pixels),
        level=LEVEL,
        layout="NHWC",
        packing={"w": f"float_groups {4 * _pixels} {_group} {_width}"},
        scratch=partial(_float_scratch, pixels=_pixels, together=1, abreast=1),
        in_place=lambda params: tuple(i for i in _over(params) if i == X),
        cost=partial(_sparse_float_cost, pixels=_pixels),
        template="lissom_sparse_f32_m4.h",
        constants={"PIXELS": _pixels},
    )

for _task in ("average_pool_f32", "max_pool_f32"):
    variant(_task, f"{_task}_m4", always, level=LEVEL, layout="NHWC", template=f"lissom_{_task}_nhwc.h")
