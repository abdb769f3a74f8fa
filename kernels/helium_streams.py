"""Kernels of cortex-m55 for what lies between the convolutions: they pass over memory once."""

from __future__ import annotations

from lissom.kernels import references  # noqa: F401  # variants come after them
from lissom.kernels.kernel import Params, always
from lissom.kernels.registry import variant

LEVEL = "cortex-m55"


def _few_channels(params: Params) -> str | None:
    if not params["x"]["flip"]:
        return "unsigned bytes"
    channels = params["pool"]["channels"]
    return f"{channels} channels, which fill no vector" if channels < 4 else None


variant("max_pool_i8", "max_pool_i8_m55", always, level=LEVEL, layout="NHWC", template="lissom_max_pool_i8_m55.h")
variant(
    "average_pool_q8",
    "average_pool_q8_m55",
    _few_channels,
    level=LEVEL,
    layout="NHWC",
    template="lissom_average_pool_q8_nhwc.h",
    constants={"SIGNED": 1},
)


def _not_runs(params: Params) -> str | None:
    """Why rows of signed bytes that lie together are not what an addition gets."""
    if not params["a"]["flip"] or not params["b"]["flip"] or params["y"]["low"] + params["y"]["zero"] >= 0:
        return "unsigned bytes"
    return None if params["a_stride"][-1] == params["b_stride"][-1] == 1 else "an operand repeats along the last axis"


def _not_bytes(params: Params) -> str | None:
    return "elements wider than a byte" if params["element"] != 1 else None


for _name, _minus in (("add_q8", 0), ("sub_q8", 1)):
    variant(
        _name,
        f"{_name}_m55",
        _not_runs,
        level=LEVEL,
        template="lissom_binary_q8_m55.h",
        constants={"MINUS": _minus},
    )
variant("dequantize_i8", "dequantize_i8_m55", always, level=LEVEL, template="lissom_dequantize_i8_m55.h")
variant("quantize_q8", "quantize_q8_m55", always, level=LEVEL, template="lissom_quantize_q8_m55.h")
variant("lookup", "lookup_m55", _not_bytes, level=LEVEL, template="lissom_lookup_m55.h")
