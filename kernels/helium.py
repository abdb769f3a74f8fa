"""Kernels for the vectors of cortex-m55 (Helium), and what each costs in instructions.

A convolution is dot products of 16 bytes at a time; what a result takes besides these is the same for all layers, so
short patches are what costs (``docs/decisions/0011-helium.md``).
"""

from __future__ import annotations

from math import prod

from lissom.kernels import references  # noqa: F401  # variants come after them
from lissom.kernels.kernel import Params, Refusal
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


def _strip(params: Params) -> int:
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
    return _strip(params) + (min(CHUNK, c["out"][2]) * c["out_channels"] if _has_skip(params) else 0)


def _cost(params: Params) -> float:
    """Instructions: sums of four channels of two columns, what follows them, and the strips of rows."""
    c = geometry(params)
    rows = c["batch"] * c["groups"] * c["out"][0] * c["out"][1]
    whole, rest = divmod(patch(params), 16)
    pair = 14 * whole + (18 if rest else 0) + 24
    return float(rows * (_strip(params) / 4 + -(-c["out_channels"] // 4) * (30 + -(-c["out"][2] // 2) * pair)))


def _known(params: Params) -> dict[str, int]:
    """Whole vectors of a patch, bytes behind them, and whether there are channels behind the last four."""
    whole, rest = divmod(patch(params), 16)
    return {"WHOLE": whole, "REST": rest, "SOME": int(geometry(params)["out_channels"] % 4 > 0)}


variant(
    "conv_q8",
    "conv_q8_m55",
    _signed,
    level=LEVEL,
    layout="NHWC",
    packing={"w": "fours 4"},
    scratch=_scratch,
    cost=_cost,
    template="lissom_conv_q8_m55.h",
    known=_known,
)
