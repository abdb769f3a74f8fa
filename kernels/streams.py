"""Kernels for what lies between the convolutions, on x86 and AArch64: they pass over memory once, so vectors will do.

Most are plain loops that both compilers turn into vectors once they may use the instructions of a level: the text of
the reference or, where channels lie last, one with loops over channels.
"""

from __future__ import annotations

from functools import partial

from lissom.kernels import references  # noqa: F401  # variants come after them
from lissom.kernels.kernel import Params, Refusal, always, identifier
from lissom.kernels.registry import kernels_of, variant

BYTES = "x86-64-v2"
FLOATS = "x86-64-v3"
"""The levels whose vectors of bytes, and of floats, streams are compiled for. They wait for memory, so those of a
higher level are expected to gain little; that has not been measured."""

WIDE = "x86-64-v4"
"""The level of those that are worth 512 bits."""

NEON = "aarch64"
"""The level that is for both on AArch64."""


def name_of(task: str, level: str) -> str:
    return f"{task}_{identifier(level)}"


def again(task: str, *levels: str, refuses: Refusal = always) -> None:
    """The reference, compiled for further levels."""
    for level in levels:
        variant(task, name_of(task, level), refuses, level=level, template=f"{kernels_of(task)[0].name}.c")


def _turned(params: Params) -> str | None:
    return "channels change their place" if params["turned"] else None


def _not_turned(params: Params) -> str | None:
    if not params["turned"]:
        return "channels keep their place"
    return "more channels than a tile has rows" if params["channels"] > 16 else None


def _not_a_transpose(element: int) -> Refusal:
    def refuses(params: Params) -> str | None:
        if params["element"] != element:
            return f"elements of {params['element']} bytes"
        x, y = params["x_stride"], params["y_stride"]
        return None if y[-1] == 1 and 1 in x[:-1] and min(params["size"]) > 0 else "no two axes change places"

    return refuses


def _not_bytes(params: Params) -> str | None:
    return "elements wider than a byte" if params["element"] != 1 else None


def _few_channels(params: Params) -> str | None:
    channels = params.get("pool", params)["channels"]
    return f"{channels} channels, which fill no vector" if channels < 4 else None


for _task in ("max_pool_u8", "max_pool_i8", "max_pool_f32", "average_pool_f32"):
    for _level in (BYTES, FLOATS, NEON):
        variant(
            _task,
            f"{name_of(_task, _level)}_nhwc",
            _few_channels,
            level=_level,
            layout="NHWC",
            apart=True,
            template=f"lissom_{_task}_nhwc.h",
        )


def _fills_no_block(params: Params, block: int) -> str | None:
    if params["in"][0] * params["out"][0] * params["kernel"][0] > 1:
        return "a pool over three axes"
    return f"{params['channels']} channels, which fill no block" if params["channels"] < block else None


def _window(params: Params) -> dict[str, int]:
    return {"HEIGHT": params["kernel"][1], "WIDTH": params["kernel"][2]}


for _task in ("max_pool_u8", "max_pool_i8"):
    for _level, _block in ((FLOATS, 32), (NEON, 16)):
        variant(
            _task,
            f"{name_of(_task, _level)}_bytes",
            partial(_fills_no_block, block=_block),
            level=_level,
            layout="NHWC",
            apart=True,
            template="lissom_max_pool_bytes.h",
            constants={"SIGNED": int(_task == "max_pool_i8")},
            known=_window,
        )


def _not_read_as(signed: bool) -> Refusal:
    def refuses(params: Params) -> str | None:
        if bool(params["x"]["flip"]) != signed:
            return f"{'unsigned' if signed else 'signed'} bytes"
        return _few_channels(params)

    return refuses


for _level in (BYTES, FLOATS, NEON):
    variant(
        "average_pool_q8",
        f"{name_of('average_pool_q8', _level)}_nhwc",
        _not_read_as(signed=_level == NEON),
        level=_level,
        layout="NHWC",
        apart=True,
        template="lissom_average_pool_q8_nhwc.h",
        constants={"SIGNED": 1} if _level == NEON else {},
    )

_ARITHMETIC = """
    abs_f32 affine_f32 celu_f32 clip_f32 elu_f32 erf_f32 exp_f32 gelu_f32 gelu_tanh_f32 hard_sigmoid_f32 hard_swish_f32
    leaky_relu_f32 mish_f32 neg_f32 reciprocal_f32 relu_f32 selu_f32 sigmoid_f32 sqrt_f32 swish_f32 tanh_f32
    thresholded_relu_f32
    add_f32 sub_f32 mul_f32 div_f32 min_f32 max_f32 prelu_f32
    reduce_sum_f32 reduce_mean_f32 reduce_max_f32 reduce_min_f32 reduce_sum_square_f32 reduce_l2_f32
    resample_f32 scale_shift_f32
"""
_ON_BYTES = """
    add_q8 mul_q8 sub_q8 dequantize_i8 dequantize_u8 resize_q8
    min_u8 max_u8 min_i8 max_i8 reduce_max_u8 reduce_min_u8 reduce_max_i8 reduce_min_i8
"""
for _task in _ARITHMETIC.split():
    again(_task, FLOATS, NEON)
for _task in _ON_BYTES.split():
    again(_task, BYTES, FLOATS, NEON)

again("quantize_q8", BYTES, FLOATS, NEON, refuses=_turned)
for _level in (BYTES, FLOATS, NEON):
    variant(
        "quantize_q8",
        f"{name_of('quantize_q8', _level)}_turned",
        _not_turned,
        level=_level,
        template="lissom_quantize_q8_turned.h",
    )
for _element in (1, 2, 4, 8):
    for _level in (BYTES, NEON):
        variant(
            "copy",
            f"copy_turned_{_element}" if _level == BYTES else f"copy_{NEON}_turned_{_element}",
            _not_a_transpose(_element),
            level=_level,
            template="lissom_copy_turned.h",
            constants={"ELEMENT": _element},
        )
variant("lookup", "lookup_shuffle", _not_bytes, level=FLOATS, template="lissom_lookup_shuffle.h")
variant("lookup", "lookup_words", _not_bytes, level=WIDE, template="lissom_lookup_words.h")
variant("lookup", f"lookup_{NEON}", _not_bytes, level=NEON, template="lissom_lookup_shuffle.h")


def _not_runs_of_int8(params: Params) -> str | None:
    if not params["a"]["flip"] or not params["b"]["flip"] or params["y"]["low"] + params["y"]["zero"] != -128:
        return "int8 is wanted"
    return None if params["a_stride"][-1] == params["b_stride"][-1] == 1 else "an operand repeats along the last axis"


def _in_steps(params: Params) -> str | None:
    steps = {params["a_stride"][-1], params["b_stride"][-1]}
    return None if steps in ({1}, {0, 1}) else "elements that do not lie together"


for _task, _how in (("add_q8", (0, 0)), ("sub_q8", (1, 0)), ("mul_q8", (0, 1))):
    for _level, _refuses in ((FLOATS, _in_steps), (WIDE, _in_steps), (NEON, _not_runs_of_int8)):
        variant(
            _task,
            f"{name_of(_task, _level)}_rows",
            _refuses,
            level=_level,
            template="lissom_binary_q8_rows.h",
            constants=dict(zip(("MINUS", "TIMES"), _how, strict=True)),
        )
