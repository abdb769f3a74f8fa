"""Kernels of cortex-m55 for what lies between the convolutions, and for products of two activations."""

from __future__ import annotations

from lissom.kernels import references  # noqa: F401  # variants come after them
from lissom.kernels.kernel import Params, Refusal, always
from lissom.kernels.registry import variant

LEVEL = "cortex-m55"


def _few_channels(params: Params) -> str | None:
    channels = params["channels"]
    return f"{channels} channels, which fill no vector" if channels < 4 else None


for _name in ("max_pool_f32", "average_pool_f32"):
    variant(_name, f"{_name}_m55", _few_channels, level=LEVEL, layout="NHWC", template=f"lissom_{_name}_nhwc.h")


def _not_int8(params: Params) -> str | None:
    if not params["x"]["flip"] or params["y"]["low"] + params["y"]["zero"] >= 0:
        return "unsigned bytes"
    return "rows of windows whose sums leave 16 bits" if params["pool"]["kernel"][2] > 256 else None


for _name, _refuses in (("max_pool_i8", always), ("average_pool_q8", _not_int8)):
    variant(_name, f"{_name}_m55", _refuses, level=LEVEL, layout="NHWC", template=f"lissom_{_name}_m55.h")


def _not_runs(params: Params) -> str | None:
    """Why rows of signed bytes that lie together are not what an addition gets."""
    if not params["a"]["flip"] or not params["b"]["flip"] or params["y"]["low"] + params["y"]["zero"] >= 0:
        return "unsigned bytes"
    return None if params["a_stride"][-1] == params["b_stride"][-1] == 1 else "an operand repeats along the last axis"


def _alpha(params: Params) -> str | None:
    return "a factor inside" if params["alpha"] != 1 else None


def _not_bytes(params: Params) -> str | None:
    return "elements wider than a byte" if params["element"] != 1 else None


for _name, _how in (("add_q8", (0, 0)), ("sub_q8", (1, 0)), ("mul_q8", (0, 1))):
    variant(
        _name,
        f"{_name}_m55",
        _not_runs,
        level=LEVEL,
        template="lissom_binary_q8_m55.h",
        constants=dict(zip(("MINUS", "TIMES"), _how, strict=True)),
    )
variant("dequantize_i8", "dequantize_i8_m55", always, level=LEVEL, template="lissom_dequantize_i8_m55.h")
variant("quantize_q8", "quantize_q8_m55", always, level=LEVEL, template="lissom_quantize_q8_m55.h")
variant("lookup", "lookup_m55", _not_bytes, level=LEVEL, template="lissom_lookup_m55.h")
variant(
    "lookup_channels",
    "lookup_channels_m55",
    lambda params: _not_bytes(params) or _not_neighbours(params),
    level=LEVEL,
    template="lissom_lookup_channels_m55.h",
)


def _copy_run(params: Params) -> int:
    """The axis that a copy walks along, as ``lissom_copy_run`` says."""
    last: int = params["rank"] - 1
    together = params["x_stride"][last] == params["y_stride"][last] == 1
    return last if together else max((last, *range(last)), key=lambda axis: int(params["size"][axis]))


def _not_near(element: int) -> Refusal:
    def refuses(params: Params) -> str | None:
        if params["element"] != element:
            return f"elements of {params['element']} bytes"
        run = _copy_run(params)
        steps = params["x_stride"][run], params["y_stride"][run]
        return "elements that are too far apart" if element < 4 and not all(0 <= s < 2**13 for s in steps) else None

    return refuses


for _element in (1, 2, 4):
    variant(
        "copy",
        f"copy_m55_{_element}",
        _not_near(_element),
        level=LEVEL,
        template="lissom_copy_m55.h",
        constants={"ELEMENT": _element},
    )

_FUNCTIONS = "gelu erf sigmoid swish tanh relu clip leaky_relu hard_sigmoid hard_swish"
for _function, _name in enumerate(_FUNCTIONS.split()):
    variant(
        f"{_name}_f32",
        f"{_name}_f32_m55",
        _alpha if _name == "swish" else always,
        level=LEVEL,
        template="lissom_functions_f32_m55.h",
        constants={"FUNCTION": _function},
    )
for _operation, _name in enumerate(("add_f32", "sub_f32", "mul_f32")):
    variant(
        _name,
        f"{_name}_m55",
        always,
        level=LEVEL,
        template="lissom_binary_f32_m55.h",
        constants={"OPERATION": _operation},
    )


# ---- softmax and normalization of rows


def _not_signed_neighbours(params: Params) -> str | None:
    return _not_neighbours(params) or (None if params["flip"] else "unsigned bytes")


def _not_neighbours(params: Params) -> str | None:
    return "elements of a row that do not lie together" if params["inner"] > 1 else None


def _not_exact(params: Params) -> str | None:
    if not params["x"]["flip"]:
        return "unsigned bytes"
    return "rows whose deviations floats do not hold" if params["n"] > 2**15 else None


variant("softmax_q8", "softmax_q8_m55", _not_signed_neighbours, level=LEVEL, template="lissom_softmax_q8_m55.h")
variant("softmax_f32", "softmax_f32_m55", _not_neighbours, level=LEVEL, template="lissom_softmax_f32_m55.h")
variant("layer_norm_q8", "layer_norm_q8_m55", _not_exact, level=LEVEL, template="lissom_layer_norm_q8_m55.h")
for _name, _rms in (("layer_norm_f32", 0), ("rms_norm_f32", 1)):
    variant(
        _name,
        f"{_name}_m55",
        always,
        level=LEVEL,
        template="lissom_row_norm_f32_m55.h",
        constants={"RMS": _rms},
    )


def _not_two_activations(params: Params) -> str | None:
    p = params["matmul"]
    if (
        params["b_plain"]
        or not params["a"]["flip"]
        or not params["b_flip"]
        or params["y"]["low"] + params["y"]["zero"] >= 0
    ):
        return "two activations of signed bytes are wanted"
    if params["b_zero_stride"] or params["multiplier_stride"] or p["c_n"] or p["c_m"]:
        return "one zero point, one multiplier and no bias are wanted"
    if p["a_k"] != 1 or (p["b_k"] != 1 and p["b_n"] != 1):
        return "neither rows nor columns that lie together"
    return "rows that are too long" if max(2 * _four(params), p["y_m"]) >= 2**15 else None


def _four(params: Params) -> int:
    """Bytes of four columns as they are packed."""
    return int(32 + 4 * params["matmul"]["k"])


def _products_scratch(params: Params) -> int:
    """What zero points add to rows, and packed columns."""
    p = params["matmul"]
    return int(-(-p["m"] // 2) * 8 + -(-p["n"] // 4) * _four(params))


def _products_known(params: Params) -> dict[str, int]:
    whole, rest = divmod(params["matmul"]["k"], 16)
    return {"WHOLE": whole, "REST": rest, "SOME": int(params["matmul"]["n"] % 4 > 0)}


variant(
    "matmul_q8",
    "matmul_q8_m55",
    _not_two_activations,
    level=LEVEL,
    scratch=_products_scratch,
    template="lissom_matmul_q8_m55.h",
    constants={"WHOLE": -1, "REST": 0, "SOME": 1},
    known=_products_known,
)


def _not_rows_of_floats(params: Params) -> str | None:
    if params["beta"]:
        return "no addend is wanted"
    return "rows of a that do not lie together" if params["a_k"] != 1 else None


variant(
    "matmul_f32",
    "matmul_f32_m55",
    _not_rows_of_floats,
    level=LEVEL,
    scratch=lambda params: -(-params["n"] // 8) * 32 * (1 + params["k"]),
    template="lissom_matmul_f32_m55.h",
)
